"""mini: the embedded model's world (what it can paint), the scenes it was trained on, and its weights."""
