"""What was made and what is to be made, on disk: the history, the queue's rows, and the files beside them."""
