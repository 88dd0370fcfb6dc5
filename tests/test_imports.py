"""Who may import whom: pages → studio → fibo_core, never back, and heavy libraries only where they belong."""

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.studio.processes import add_picture, opened

ROOT = Path(__file__).parent.parent

# Where each package may be imported, as path prefixes; a package not named here may be imported anywhere.
LOCAL = "fibo_core/writers/local"  # local.py, local_model.py, local_decoding.py
ENGINE = ("fibo_core/engine/", LOCAL)
STORE = ("fibo_core/store/",)
SHELL = ("studio/", "pages/")
ALLOWED = {
    "torch": ENGINE,
    "diffusers": ENGINE,
    "transformers": ENGINE,
    "accelerate": ENGINE,
    "llguidance": LOCAL,
    "google": ("fibo_core/writers/gemini.py",),
    "httpx2": ("studio/client/", "fibo_core/writers/llm.py", "fibo_core/models/download.py"),
    "sqlmodel": STORE,
    "sqlalchemy": STORE,
    "alembic": STORE,
    "fastapi": ("studio/",),
    "starlette": ("studio/",),
    "uvicorn": ("studio/",),
    "streamlit": SHELL,
    "streamlit_ace": SHELL,
    "studio": SHELL,
    "pages": ("pages/",),
}
# Which rooms of the library each room may import; what stands beside them (errors, cancel, …) may be imported anywhere.
ROOMS: dict[str, set[str]] = {
    "prompts": set(),
    "models": {"prompts"},
    "engine": {"models", "prompts"},
    "writers": {"engine", "models", "prompts"},
    "store": {"engine", "prompts", "writers"},  # their values: requests, rendered pictures, usage
    "work": {"engine", "models", "prompts", "settings", "store", "writers"},
}
BESIDE = {"settings": "settings"}  # modules that no room below them may import
HEAVY = {"torch", "diffusers", "transformers", "google.genai", "streamlit", "fastapi"}


#: What lists pictures does without: what writes, paints, queues and migrates, and what reads pictures.
NOT_FOR_A_LIST = HEAVY | {
    "PIL",
    "alembic",
    "fibo_core.engine.fibo",
    "fibo_core.store.images",
    "fibo_core.store.job_store",
    "fibo_core.work.jobs",
    "fibo_core.work.workflows",
    "fibo_core.writers.chain",
    "fibo_core.writers.offline",
    "numpy",
}


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Each Python file under `folders`, as its path from the root and its syntax tree."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"), str(path))


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and module name of each import, those inside functions and under TYPE_CHECKING included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module
            if node.module == "fibo_core":
                yield from ((node.lineno, f"fibo_core.{name.name}") for name in node.names)


def misplaced(path: str, tree: ast.AST) -> list[str]:
    """The imports in the file `path` that break the rule, as "path:line imports name"."""
    return [
        f"{path}:{line} imports {name}"
        for line, name in imports(tree)
        if not path.startswith(ALLOWED.get(name.partition(".")[0], ""))
    ]


def backward(path: str, tree: ast.AST) -> list[str]:
    """The imports between rooms of the library that no arrow of ROOMS allows, as "path:line imports name"."""
    _, room, *inside = path.split("/")
    room = room if inside else BESIDE.get(room.removesuffix(".py"), "")
    faults = []
    for line, name in imports(tree):
        package, _, rest = name.partition(".")
        other = BESIDE.get(rest, rest.partition(".")[0])
        known = other in ROOMS or other in BESIDE.values()
        if package == "fibo_core" and room in ROOMS and known and other not in {room, *ROOMS[room]}:
            faults.append(f"{path}:{line} imports {name}")
    return faults


def fresh_process(code: str, *arguments: str) -> set[str]:
    """The words of the last line that a process of its own prints."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def loaded_after(*modules: str) -> set[str]:
    """Which of HEAVY a fresh process has loaded after importing `modules`."""
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint(*sys.modules)"
    return HEAVY & fresh_process(code, *modules)


def loaded_by(*arguments: str) -> set[str]:
    """All that a fresh process has loaded once a command line is done."""
    code = "import sys\nfrom studio.__main__ import run\ntry: run()\nexcept SystemExit: print(*sys.modules)"
    return fresh_process(code, *arguments)


def test_every_import_stands_in_a_layer_that_may_have_it():
    """No file reaches up a layer, or touches a library that belongs to another part of the house."""
    assert [fault for path, tree in sources("fibo_core", "studio", "pages") for fault in misplaced(path, tree)] == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("fibo_core/work/workflows.py", "from studio.ui.state import keys"),
        ("fibo_core/prompts/structured_prompt.py", "def count():\n    import torch.nn"),
        ("fibo_core/work/jobs.py", "from sqlmodel import Session"),
        ("studio/api.py", "import pages.generate"),
        ("pages/system.py", "import torch"),
    ],
)
def test_an_import_in_the_wrong_layer_is_found(path: str, line: str):
    """The scan sees imports of every form, late ones too."""
    assert len(misplaced(path, ast.parse(line))) == 1


def test_no_room_of_the_library_imports_one_that_stands_on_it():
    """prompts ← models ← engine ← writers ← store ← work: so each can be read, and tested, without those after it."""
    assert [fault for path, tree in sources("fibo_core") for fault in backward(path, tree)] == []
    assert {path.split("/")[1] for path, _ in sources("fibo_core") if path.count("/") > 1} == set(ROOMS)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("fibo_core/prompts/presets.py", "from fibo_core.store.disk import write_files"),
        ("fibo_core/models/catalogue.py", "def size():\n    import fibo_core.engine.request"),
        ("fibo_core/engine/fibo.py", "from fibo_core.settings import Settings"),
        ("fibo_core/store/history.py", "from fibo_core.work.jobs import JobQueue"),
    ],
)
def test_an_import_from_a_room_above_is_found(path: str, line: str):
    """Late imports, and those of modules beside the rooms, too."""
    assert len(backward(path, ast.parse(line))) == 1


def test_importing_the_library_loads_nothing_heavy():
    """`import fibo_core` costs no torch, in a process of its own."""
    assert loaded_after("fibo_core") == set()


def test_importing_every_light_module_loads_nothing_heavy():
    """Only the engine's and the writers' own backends bring their libraries; the object graph does not."""
    backends = (*ALLOWED["torch"], *ALLOWED["google"], "fibo_core/store/migrations/")
    modules = [
        path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path, _ in sources("fibo_core")
        if not path.startswith(backends)
    ]
    assert "fibo_core.work.runtime" in modules
    assert loaded_after("fibo_core.engine", *modules) == set()


def test_a_process_that_loads_something_heavy_is_noticed():
    """The check above can fail: it sees a library that was loaded."""
    assert loaded_after("fastapi") == {"fastapi"}


def test_a_list_of_pictures_loads_nothing_that_writes_paints_or_migrates(tmp_path: Path):
    """`history list` waits for the database's libraries and no others, once the schema is this version's."""
    with opened(tmp_path / "workspace") as (_, history):
        add_picture(history, "a red ball")
    loaded = loaded_by("history", "list")
    assert "fibo_core.store.history" in loaded
    assert loaded & NOT_FOR_A_LIST == set()


def test_what_a_list_does_without_exists_and_is_seen_where_it_is_loaded():
    """The check above can fail: none of its modules was renamed, and a new workspace's migration is noticed."""
    assert [name for name in NOT_FOR_A_LIST if importlib.util.find_spec(name) is None] == []
    assert loaded_by("history", "list") & NOT_FOR_A_LIST == {"alembic"}
