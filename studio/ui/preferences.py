"""The few things the studio remembers about its user, in a small file on the workspace."""

from pathlib import Path

from fibo_core.store.disk import write_files


def mini_note_dismissed(workspace: Path) -> bool:
    return _mini_note(workspace).exists()


def dismiss_mini_note(workspace: Path) -> None:
    """The first visit's note about mini does not come back. Raises WorkspaceUnwritable."""
    note = _mini_note(workspace)
    write_files(workspace, note.parent, {note.name: b""}, "That the note was read")


def _mini_note(workspace: Path) -> Path:
    return workspace / ".mini-note-dismissed"
