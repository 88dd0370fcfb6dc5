"""What pages are made of: the session's state, navigation, components."""
