"""``python -m studio``: the command line."""

from studio.cli.main import main

main()
