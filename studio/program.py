"""What a user types to run the program here: errors and hints that name a command take its name from this."""

import shutil


def command(arguments: str) -> str:
    """``fibo-studio …`` where that is on the PATH, as on a pod, else ``scripts/studio.sh …`` of the checkout."""
    return f"{'fibo-studio' if shutil.which('fibo-studio') else 'scripts/studio.sh'} {arguments}".rstrip()
