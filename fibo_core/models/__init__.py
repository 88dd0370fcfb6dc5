"""What can paint or write: the catalogue, weights on disk, their download, what fits this machine."""
