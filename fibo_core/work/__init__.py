"""The work: tasks, the queue of jobs, the workflows, and the one object graph of a process."""
