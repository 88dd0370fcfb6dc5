"""The API's addresses, a module for each subject."""
