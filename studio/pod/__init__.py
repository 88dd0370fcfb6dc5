"""Life on a pod: the idle stop, the doctor, weights fetched in the background."""
