"""The document: structured prompts, their schema and paths, and everything that reads, changes or reviews one."""
