"""`history`, `models` and `doctor`: what is here, told to people and to programs."""

import json
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import fibo_core
from tests.writers import loopback_llm
from tests.writers.loopback_gemini import INVALID_KEY, error, loopback_gemini, payload

WRITERS = ("gemini", "llm", "local", "offline")


def test_the_newest_picture_is_listed_first_and_pages_follow_one_another(cli, store):
    """A table for people, a list for programs; the cursor to go on with stands on stderr."""
    assert cli("history", "list").out == ""
    made = [store(words, seed=seed).id for seed, words in enumerate(["a ball", "a box\nbeside a tree", "a ring"])]
    first = cli("history", "list", "--limit", 2)
    assert [line.split()[0] for line in first.out.splitlines()] == made[:0:-1]
    assert "a box beside a tree" in first.out
    cursor = first.err.split()[-1]
    second = cli("history", "list", "--limit", 2, "--cursor", cursor, "--json")
    assert ([picture["id"] for picture in second.json], second.err) == (made[:1], "")
    assert cli("history", "list", "--query", "tree", "--json").json[0]["id"] == made[1]
    assert cli("history", "list", "--favorite", "--json").json == []
    assert cli("history", "list", "--mode", "refine", "--json").json == []


def test_a_search_is_given_as_it_is_typed_on_the_page(cli, store):
    """As one argument or several; what is not understood is said on stderr, and nothing is listed."""
    fox, boat = store("a fox at night").id, store("a boat").id

    def found(*asked: str) -> list[str]:
        return [picture["id"] for picture in cli("history", "list", "--json", *asked).json]

    assert found('fox -"at day"') == found("fox", "short_description:fox") == [fox]
    assert found("--query=-fox") == found("mode:generate", "--", "-night") == [boat]
    misspelt = cli("history", "list", "ligthing:x")
    assert (misspelt.out, misspelt.err.strip()) == ("", "No prompt has a field ligthing; did you mean lighting?")


def test_one_picture_is_shown_with_its_whole_recipe(cli, store, workspace: Path):
    """Everything the sidecar holds, the path absolute."""
    picture = store("a ball", seed=2**63 - 1)
    shown = cli("history", "show", picture.id, "--json").json
    sidecar = json.loads((workspace / picture.image_path).with_suffix(".json").read_text())
    said = {"favorite": False, "rating": 0, "tags": [], "collections": []}
    assert shown == {**sidecar, "image_path": str(workspace / picture.image_path), **said}
    text = cli("history", "show", picture.id).out
    assert str(2**63 - 1) in text
    assert '"short_description": "a ball"' in text


def test_a_lost_database_is_rebuilt_from_the_files(cli, store, workspace: Path):
    """A dry run only counts; afterwards the gallery is as before, and what cannot be read is named."""
    before = {store("a ball").id, store("a box").id}
    for file in workspace.glob("studio.db*"):
        file.unlink()
    (workspace / "outputs" / "stray.png").write_bytes(b"no picture")
    assert cli("history", "rebuild", "--dry-run").out.startswith("2 would be added")
    assert cli("history", "list", "--json").json == []
    report = cli("history", "rebuild", "--json").json
    assert (report["added"], report["already_there"], len(report["unreadable"])) == (2, 0, 1)
    assert "stray.png" in cli("history", "rebuild").err
    assert {picture["id"] for picture in cli("history", "list", "--json").json} == before


def test_a_damaged_picture_is_named_deleted_brought_back_and_mended(cli, store, workspace: Path):
    """The list goes on without it; verify says what is amiss; a rebuild reads it from its file."""
    whole, broken = store("a ball").id, store("a box").id
    with closing(sqlite3.connect(workspace / "studio.db")) as connection, connection:
        connection.execute("UPDATE generation SET words = CAST(x'ff' AS TEXT) WHERE id = ?", (broken,))
    listed = cli("history", "list")
    assert [line.split()[0] for line in listed.out.splitlines()] == [whole]
    assert f"1 picture could not be read: {broken}." in listed.err
    shown = cli("history", "show", broken)
    assert (shown.code, shown.out) == (1, "")
    assert "cannot be read from the database" in shown.err
    verified = cli("history", "verify", "--json")
    assert (verified.code, verified.json["pictures"], verified.json["damaged"][0]["id"]) == (1, 1, broken)
    assert cli("history", "delete", broken, "--json").json == {"deleted": [broken]}
    assert cli("history", "list").err == ""
    again = cli("history", "delete", broken)
    assert (again.out, again.err) == ("0 deleted\n", f"Not deleted, unknown or so already: {broken}\n")
    assert cli("history", "restore", broken).out == "1 restored\n"
    assert cli("history", "rebuild").out.startswith("0 added, 1 damaged ones replaced, 1 already there")
    assert (cli("history", "verify").out, cli("history", "verify").code) == ("2 can be read, 0 amiss\n", 0)


def test_the_models_say_which_is_here_and_which_paints(cli):
    models = {model["name"]: model for model in cli("models", "list", "--json").json}
    assert (models["mini"]["default"], models["fibo"]["default"]) == (True, False)
    assert models["mini"]["revision"] in cli("models", "check", "mini").out
    assert models["fibo"]["revision"] is None
    assert "not here" in cli("models", "list").out


def test_the_doctor_finds_this_machine_well_and_changes_nothing(cli, workspace: Path):
    """Its JSON names the interpreter, the version and every check; a fresh workspace is not filled."""
    told = cli("doctor", "--json")
    checks = {check["name"]: check for check in told.json["checks"]}
    assert (told.code, told.json["python"], told.json["version"]) == (0, sys.executable, fibo_core.__version__)
    assert [*checks] == [
        *("python", "versions", "workspace", "volume", "disk", "database", "gpu", "torch", "model", "fibo"),
        *("token", "licence", *WRITERS, "login", "port"),
    ]
    assert all(check.keys() == {"name", "ok", "detail", "todo"} for check in checks.values())
    assert "models download fibo" in checks["fibo"]["todo"]
    assert "HF_TOKEN" in checks["token"]["todo"]
    assert "CC BY-NC 4.0" in checks["licence"]["detail"]
    assert "torch" not in checks["torch"]["todo"]
    assert not (workspace / "studio.db").exists()


def test_the_doctor_says_of_each_writer_whether_it_is_ready_or_the_way_to_it(cli):
    """One that is not set up is no fault: an offer. The writer by rules always is."""
    checks = {check["name"]: check for check in cli("doctor", "--json").json["checks"]}
    assert (checks["gemini"]["ok"], checks["gemini"]["detail"]) == (True, "no key")
    assert "GOOGLE_API_KEY" in checks["gemini"]["todo"]
    assert (checks["local"]["ok"], checks["local"]["detail"]) == (True, "no GPU")
    assert (checks["offline"]["ok"], checks["offline"]["todo"]) == (True, "")


@pytest.mark.parametrize(
    ("reply", "code", "says"),
    [
        (payload({"name": "models/gemini-3.5-flash-lite", "displayName": "Lite"}), 0, "Lite answers to this key"),
        (error(404, "NOT_FOUND", "no such model"), 1, "gemini-3.5-flash-lite"),
        (error(400, "INVALID_ARGUMENT", "API key not valid", INVALID_KEY), 1, "key"),
    ],
)
def test_the_doctor_asks_gemini_whether_it_has_the_model_for_this_key(cli, monkeypatch, reply, code, says):
    """A key that is set is tried where it costs nothing; it is shown to nobody."""
    key = "-".join(["not", "a", "real", "key"])
    with loopback_gemini() as gemini:
        gemini.will(reply)
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini.url)
        monkeypatch.setenv("GOOGLE_API_KEY", key)
        told = cli("doctor", "--json")
    check = next(check for check in told.json["checks"] if check["name"] == "gemini")
    assert (told.code, check["ok"]) == (code, code == 0)
    assert says in check["detail"]
    assert gemini.received[0].path.endswith("models/gemini-3.5-flash-lite")
    assert key not in told.out + told.err


@pytest.mark.parametrize(
    ("reply", "code", "says"),
    [
        (loopback_llm.models("qwen3:8b"), 0, "/v1 has qwen3:8b."),
        (loopback_llm.models("llama3.2:3b"), 1, "Set LLM_MODEL to one it has: llama3.2:3b"),
        (loopback_llm.error(401, "no"), 1, "does not accept this LLM_API_KEY"),
    ],
)
def test_the_doctor_asks_the_service_of_any_model_for_its_list(cli, monkeypatch, reply, code, says):
    key = "-".join(["not", "a", "real", "key"])
    with loopback_llm.loopback_llm() as llm:
        llm.will(reply)
        for name, value in {"BASE_URL": llm.url, "MODEL": "qwen3:8b", "API_KEY": key}.items():
            monkeypatch.setenv(f"LLM_{name}", value)
        told = cli("doctor", "--json")
    check = next(check for check in told.json["checks"] if check["name"] == "llm")
    assert (told.code, check["ok"]) == (code, code == 0)
    assert says in check["detail"]
    assert key not in told.out + told.err


def test_a_writer_that_the_environment_asks_for_and_is_not_set_up_is_a_fault(cli, monkeypatch):
    monkeypatch.setenv("FIBO_WRITER", "gemini")
    told = cli("doctor")
    assert (told.code, [line.split()[1] for line in told.out.splitlines() if line.startswith("FAIL")]) == (
        1,
        ["gemini"],
    )


def test_the_doctor_names_what_is_wrong_and_what_to_do(cli, workspace: Path, monkeypatch):
    """A port that is taken and a database that is none: exit 1, each with its remedy."""
    workspace.mkdir()
    (workspace / "studio.db").write_bytes(b"no database" * 1000)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody answers
        monkeypatch.setenv("STUDIO_PORT", str(taken.getsockname()[1]))
        told = cli("doctor")
    wrong = [line.split()[1] for line in told.out.splitlines() if line.startswith("FAIL")]
    assert (told.code, wrong) == (1, ["database", "port"])
    assert "set STUDIO_PORT" in told.out


def test_deleted_pictures_are_listed_restored_and_purged(cli, store, workspace: Path):
    """Nothing is purged unasked: without a terminal it takes --yes."""
    keep, back, first, second = (store(words).id for words in ("a ball", "a box", "a ring", "a cat"))
    assert cli("history", "trash", "list").err == "The trash is empty.\n"
    cli("history", "delete", back, first, second)
    listed = cli("history", "trash", "list")
    assert [line.split()[0] for line in listed.out.splitlines()] == [second, first, back]
    assert listed.err.startswith("3 pictures in the trash, ")
    assert {picture["id"] for picture in cli("history", "trash", "list", "--json").json} == {back, first, second}
    assert cli("history", "trash", "restore", back).out == "1 restored\n"
    refused = cli("history", "trash", "empty")
    assert (refused.code, refused.out) == (2, "")
    assert "cannot be undone, and nobody is here to be asked. Add --yes." in refused.err
    purged = cli("history", "trash", "purge", first, keep, "--yes", "--json")
    assert (purged.json["purged"], purged.err) == (1, "1 picture not in the trash.\n")
    assert cli("history", "trash", "empty", "--yes").out.startswith("1 purged, 0.0 MB freed")
    assert {file.stem for file in (workspace / "outputs").rglob("*.png")} == {keep, back}
    assert cli("history", "verify").code == 0


def test_the_database_is_copied_and_put_back_as_the_documents_say(cli, store, workspace: Path):
    """The commands of DEPLOYMENT, word for word: what was painted since the copy comes in from its files."""
    before = store("a ball").id
    made = cli("history", "backup")
    path = Path(made.out.split("  (")[0])
    assert path.parent == workspace / "backups"
    since = store("a box").id
    for name in ("studio.db", "studio.db-wal", "studio.db-shm"):
        if (workspace / name).exists():
            (workspace / name).write_bytes(b"\0" * 100)
    assert "damaged or no database" in cli("history", "list").err
    text = (Path(__file__).parents[3] / "docs" / "DEPLOYMENT.md").read_text("utf-8")
    block = text.partition("## After the worst day")[2].partition("    cd /workspace\n")[2]
    commands = [line[4:] for line in block.partition("\n\n")[0].splitlines()]
    script = "\n".join(command for command in commands if not command.startswith("fibo-studio"))
    subprocess.run(["bash", "-euc", script], cwd=workspace, check=True)
    for command in (line for line in commands if line.startswith("fibo-studio")):
        assert cli(*command.split()[1:]).code == 0
    assert {picture["id"] for picture in cli("history", "list", "--json").json} == {before, since}


def test_a_volume_that_is_not_there_is_said_beside_the_list(cli, store, workspace: Path):
    store("a ball")
    (workspace / "outputs").rename(workspace / "unmounted")
    listed = cli("history", "list")
    assert (listed.code, len(listed.out.splitlines())) == (0, 1)
    assert "Is its volume mounted?" in listed.err
    assert cli("generate", "a box", "--writer", "offline").code == 1
    assert not (workspace / "outputs").exists()
    (workspace / "outputs").mkdir()
    (workspace / "outputs" / "emptied").touch()
    assert cli("history", "list").err == ""


def test_a_tree_is_shown_compared_and_written_into_one_file(cli, store, workspace: Path, tmp_path: Path):
    """`history lineage`, `compare` and `report`, for people and for programs; what is misused is one sentence."""
    first = store("a red ball").id
    second = store("green", color="green", mode="refine", parent_id=first, seed=8).id
    tree = cli("history", "lineage", second)
    assert tree.out.splitlines() == [
        "a red ball",
        f"  {first}  seed 7, mini",
        "  green: 1 field changed: short_description",
        f"    {second}  seed 8, mini  <",
    ]
    assert [node["id"] for node in cli("history", "lineage", first, "--json").json["nodes"]] == [first, second]

    compared = cli("history", "compare", first, second).out
    assert "\nshort_description\n  1  [-a red ball-]\n  2  {+green+}\n" in compared
    assert "seed" in compared
    assert "versions.torch" not in compared
    assert "versions.torch" in cli("history", "compare", first, second, "--all").out
    assert {row["path"] for row in cli("history", "compare", first, second, "--json").json["rows"]} > {"seed", "mode"}
    misused = cli("history", "compare", first)
    assert (misused.code, misused.out) == (2, "")
    assert misused.err == "1 different pictures are to be compared. Name 2 to 9 of them.\n"

    file = tmp_path / "tree.html"
    assert cli("history", "report", second, file).out == f"{file}\n"
    assert file.read_text("utf-8").count("data:image/webp") == 2
    assert cli("history", "report", second, tmp_path / "tree.pdf").code == 2
    lost = cli("history", "report", second, tmp_path / "nowhere" / "tree.html")
    assert (lost.code, len(lost.err.splitlines())) == (1, 1)
    assert [each.name for each in tmp_path.glob("*.html*")] == ["tree.html"]


def test_a_picture_is_painted_again_and_told_how_it_differs(cli, store, workspace: Path):
    """The stored picture is plain red: what mini paints from its recipe is something else."""
    picture = store("a red ball").id
    said = cli("history", "again", picture)
    assert said.out.startswith("Not the same: ")
    assert "weights r1 → " in said.out
    assert len(cli("history", "list", "--json").json) == 1
    kept = cli("history", "again", picture, "--keep", "--json").json
    assert (kept["same"], kept["difference"]["share"] > 0.5) == (False, True)
    assert cli("history", "show", kept["generation_id"], "--json").json["parent_id"] == picture


def test_labels_are_changed_by_search_and_by_id_and_undone(cli, store, workspace: Path):
    """What a command has changed stands in the files when it ends; the token is on stderr for people."""
    one, two = store("a ball"), store("a box")
    said = cli(
        "history", "label", "--query", "ball", "--star", "--rating", 4, "--tag", "red fox", "--collection", "Toys"
    )
    assert (said.code, said.out) == (0, "1 changed\n")
    token = said.err.split()[-1]
    shown = cli("history", "show", one.id, "--json").json
    assert (shown["favorite"], shown["rating"], shown["tags"], shown["collections"]) == (True, 4, ["red fox"], ["Toys"])
    assert "★, 4 of 5, #red fox, in Toys" in cli("history", "show", one.id).out
    sidecar = json.loads((workspace / one.image_path).with_suffix(".json").read_text())
    assert (sidecar["labels"]["rating"], sidecar["labels"]["tags"]) == (4, ["red fox"])
    both = cli(
        "history", "label", one.id, two.id, "--unstar", "--untag", "RED FOX", "--remove-from", "toys", "--json"
    ).json
    assert (both["changed"], both["total"], both["state"]) == (1, 2, "done")
    assert cli("history", "undo", both["undo"]).out == "1 changed back\n"
    assert cli("history", "undo", token, "--json").json["changed"] == 1
    assert cli("history", "list", "--favorite", "--json").json == []
    again = cli("history", "undo", token)
    assert (again.code, again.err) == (1, "That change has been undone already. Nothing was changed.\n")


def test_labels_whose_files_cannot_be_written_are_changed_and_written_by_a_later_command(
    cli, store, workspace: Path, monkeypatch
):
    """As on a disk that is full for a moment: what was asked for is done."""
    from fibo_core.errors import WorkspaceUnwritable
    from fibo_core.store import label_files

    picture = store("a ball")

    def full(*_):
        raise WorkspaceUnwritable("The labels could not be written: the disk is full. Free some space and try again.")

    with monkeypatch.context() as patch:
        patch.setattr(label_files, "write_durably", full)
        said = cli("history", "label", picture.id, "--rating", 2)
    assert (said.code, said.out) == (0, "1 changed\n")
    assert "the disk is full" in said.err
    sidecar = (workspace / picture.image_path).with_suffix(".json")
    assert "labels" not in json.loads(sidecar.read_text())
    cli("history", "collections", "add", "Any")
    assert json.loads(sidecar.read_text())["labels"]["rating"] == 2


def test_collections_are_kept_by_name(cli, store, workspace: Path):
    picture = store("a ball")
    assert cli("history", "collections", "list").err == "No collections yet.\n"
    cli("history", "collections", "add", "Toys")
    cli("history", "collections", "keep", "Balls", "ball -box")
    cli("history", "label", picture.id, "--collection", "toys")
    assert cli("history", "collections", "rename", "TOYS", "Playthings").out.endswith("Playthings\n")
    listed = cli("history", "collections", "list", "--json").json
    assert [(each["name"], each["query"], each["pictures"]) for each in listed] == [
        ("Balls", "ball -box", None), ("Playthings", None, 1),
    ]  # fmt: skip
    kept = json.loads((workspace / "collections.json").read_text())["collections"]
    assert {each["name"] for each in kept} == {"Balls", "Playthings"}
    token = cli("history", "collections", "remove", "playthings", "--json").json["undo"]
    assert len(cli("history", "collections", "list", "--json").json) == 1
    cli("history", "undo", token)
    assert cli("history", "show", picture.id, "--json").json["collections"] == ["Playthings"]


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("label", "--star"), 2, "Name pictures by their ids, or give --query"),
        (("label", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--query", "x", "--star"), 2, "Name pictures by their ids, or give"),
        (("label", "01ARZ3NDEKTSV4RRFFQ69G5FAV"), 2, "Nothing is to be changed."),
        (("label", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--star"), 1, "No picture has the id"),
        (("label", "--query=-ligthing:x", "--rating", "3"), 2, "No prompt has a field ligthing; did you mean"),
        (("label", "--query", "", "--rating", "9"), 2, "The rating is 9."),
        (("label", "--query", "", "--tag", " "), 2, "The tag is empty."),
        (("undo", "x"), 1, "No change has the token 'x'."),
        (("collections", "rename", "A", "B"), 1, "No collection is called 'A'."),
        (("collections", "keep", "A", ""), 2, "A kept search needs something to search for."),
    ],
)
def test_what_cannot_be_labelled_is_said_in_one_sentence(cli, command, code, said):
    answer = cli("history", *command)
    assert (answer.code, answer.out, answer.err[: len(said)]) == (code, "", said)
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize("lost", ["empty", "gone"])
def test_a_list_of_a_history_whose_database_was_lost_says_that_pictures_lie_there(cli, store, workspace, lost):
    assert cli("history", "list").err == "No pictures yet.\n"
    store()
    for file in workspace.glob("studio.db*"):
        file.unlink()
    if lost == "empty":
        (workspace / "studio.db").touch()
    said = cli("history", "list").err
    assert "Pictures lie on the disk that the history does not know" in said
    assert "history rebuild" in said
    cli("history", "rebuild")
    assert "Pictures lie" not in cli("history", "list").err
