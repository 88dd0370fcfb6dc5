"""The shell around `fibo_core`: the web server, the pages' parts, the command line."""
