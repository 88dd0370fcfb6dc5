"""System, and what stands on every page: states that look intended, with the way out."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.engine import StepEvent
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Generation
from fibo_core.store.migrations import REVISIONS
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from fibo_core.writers import WrittenPrompt
from studio.runtime import get_runtime
from studio.shell import get_shell
from tests.engine.test_adapters import write_lora_of_mini
from tests.pages.conftest import APP, FAST, bar, page, press, says


def test_it_says_what_is_loaded_where_data_lies_and_under_which_licence(app: AppTest, runtime: Runtime) -> None:
    page(app, "system")
    for fact in ("mini", "Apache-2.0", "CC BY-NC 4.0", str(runtime.settings.workspace_dir), "HF_TOKEN"):
        assert fact in says(app), fact
    assert not app.exception


def test_each_check_is_named_as_people_name_it_with_its_way_to_green(app: AppTest) -> None:
    """Nobody's service is asked until "Check again" is pressed; then the hub's answer stands there."""
    page(app, "system")
    checks = [part.value for part in app.markdown if ":material/" in part.value]
    for name in ("GPU", "torch", "Disk", "Volume", "Token", "Licence", "Gemini", "Login", "Port", "Versions"):
        assert any(f"**{name}**" in check for check in checks), name
    assert "was not asked" in says(app)
    (token,) = [check for check in checks if "**Token**" in check]
    assert token.endswith("set HF\\_TOKEN\\.]]"), "the way stands in the check's own paragraph"


def test_check_again_asks_the_services_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is a token and a key for them; offline, that is what it says."""
    (tmp_path / "workspace").mkdir()
    monkeypatch.setenv("HF_TOKEN", "hf_of-no-account")
    get_shell.clear()
    try:
        app = page(AppTest.from_file(str(APP), default_timeout=60).run(), "system")
        press(app, "Check again")
        assert "cannot be downloaded while HF_HUB_OFFLINE is set" in says(app)
        assert not app.exception
    finally:
        get_runtime().close()
        get_shell.clear()


def test_the_model_can_be_loaded_and_unloaded(app: AppTest, runtime: Runtime) -> None:
    page(app, "system")
    press(app, "Use this model")
    assert runtime.tools.engine.status().state == "ready"
    press(app, "Unload")
    assert runtime.tools.engine.status().state == "unloaded"


def test_unload_answers_at_once_while_a_picture_is_painted(app: AppTest, runtime: Runtime) -> None:
    """The page says that it is unloaded later, and then it is."""
    painting, go_on, engine = threading.Event(), threading.Event(), runtime.tools.engine

    def hold(event: StepEvent) -> None:
        painting.set()
        go_on.wait(60)

    request = FAST.request(StructuredPrompt.from_dict({"short_description": "a ball"}), 7, engine.revision("mini"))
    painter = threading.Thread(target=engine.render, args=(request, hold))
    painter.start()
    assert painting.wait(60)
    page(app, "system")
    press(app, "Unload")
    assert painter.is_alive()
    assert "mini is unloaded when the picture it paints is finished" in says(app)
    assert "Unload" not in [button.label for button in app.button]
    go_on.set()
    painter.join(60)
    app.run()
    assert "mini is unloaded when" not in says(app)
    assert engine.status().state == "unloaded"
    assert not app.exception


def test_a_job_can_be_cancelled_there_by_whoever_looks(
    app: AppTest, runtime: Runtime, paint: Callable[..., Generation]
) -> None:
    paint("a red ball")
    page(app, "system")
    assert "a red ball" in says(app)
    assert "Done" in says(app)


def test_the_note_about_mini_is_dismissed_once_for_good(app: AppTest) -> None:
    assert "painting with mini" in says(app)
    press(app, "Understood")
    assert "painting with mini" not in says(app)
    again = AppTest.from_file(str(APP), default_timeout=60).run()
    assert "painting with mini" not in says(again)


def test_a_missing_model_is_said_on_every_page_with_the_way_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIBO asked for, its weights not here: the line above says so, System offers the download."""
    (tmp_path / "workspace").mkdir()
    monkeypatch.setenv("FIBO_MODEL", "fibo")
    get_shell.clear()
    runtime = get_runtime()
    try:
        app = AppTest.from_file(str(APP), default_timeout=60).run()
        app.text_area(key="generate_words").set_value("a ball")
        press(app, "Generate")
        assert "FIBO" in says(app)
        assert "not on this machine" in says(app)
        assert app.text_area(key="generate_words").value == "a ball"
        page(app, "system")
        assert any(button.label.startswith("Download FIBO") for button in app.button)
        assert not app.exception
    finally:
        runtime.close()
        get_shell.clear()


def test_a_database_of_a_newer_version_is_one_sentence_and_a_way_to_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: Runtime
) -> None:
    runtime.close()
    get_shell.clear()
    with sqlite3.connect(runtime.settings.workspace_dir / "studio.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert "Something is in the way" in says(app)
    assert "newer" in says(app)
    assert any(button.label == "Try again" for button in app.button)
    assert not app.exception
    with sqlite3.connect(runtime.settings.workspace_dir / "studio.db") as database:
        database.execute(f"UPDATE alembic_version SET version_num = '{REVISIONS[-1]}'")
    press(app, "Try again")
    assert app.title[0].value == "Generate"
    get_runtime().close()
    get_shell.clear()


def test_a_job_that_cannot_be_read_is_named_there_and_can_be_removed(app: AppTest, runtime: Runtime) -> None:
    """Its address, too, leaves Generate as it is, with the sentence once."""
    batch = runtime.desk.place(Order(kind="generate", words="a ball", paint=False))
    (job,) = runtime.desk.wait(batch.id, 60).jobs
    with runtime.database.write() as session:
        session.connection().exec_driver_sql("UPDATE job SET task = '['")
    app.query_params["job"] = job.id
    app.run()
    assert f"Batch {batch.id} cannot be read" in says(app)
    assert "Generate" in bar(app)
    app.run()
    assert "cannot be read" not in says(app)
    system = page(app, "system")
    assert f"Job {job.id} cannot be read" in says(system)
    press(system, "Remove")
    assert "cannot be read" not in says(system)


def test_an_entry_of_the_queue_leads_to_its_pictures(
    app: AppTest, runtime: Runtime, paint: Callable[..., Generation]
) -> None:
    picture = paint("a green star")
    page(app, "system")
    press(app, "Show")
    (batch,) = runtime.desk.recent()
    assert app.session_state["page_generate"].batch_id == batch.id
    assert app.session_state["page_generate"].last_id == picture.id
    assert app.text_area(key="generate_words").value == "a green star"


def test_the_storage_card_empties_the_trash_when_sure(
    app: AppTest, runtime: Runtime, store: Callable[..., Generation]
) -> None:
    """It says what that frees, asks, and says what it freed; what takes the room stands by month and model."""
    history = runtime.tools.history
    kept, *deleted = (store(words) for words in ("a ball", "a box", "a ring"))
    history.delete([it.id for it in deleted])
    page(app, "system")
    assert "1 picture, " in says(app)
    assert "In the trash: 2 pictures, " in says(app)
    assert "| mini | 1 |" in says(app)
    assert "**That cannot be undone.**" in says(app)
    assert history.trash.count() == 2
    press(app, "Purge for good")
    assert history.trash.count() == 0
    page(app, "system")
    assert "The trash is empty." in says(app)
    assert "2 pictures purged, " in says(app)
    assert history.get(kept.id) == kept


def test_the_database_is_copied_by_a_press(app: AppTest, runtime: Runtime) -> None:
    page(app, "system")
    press(app, "Copy it now")
    assert len(runtime.database.backups()) == 1
    assert "The database was copied " in says(app)


def test_a_volume_that_is_not_there_is_said_on_system_and_history(
    app: AppTest, runtime: Runtime, store: Callable[..., Generation]
) -> None:
    """And no more once it is there."""
    store("a ball")
    outputs = runtime.settings.workspace_dir / "outputs"
    outputs.rename(outputs.with_name("unmounted"))
    for name in ("system", "history"):
        page(app, name)
        assert "Is its volume mounted?" in says(app)
    outputs.with_name("unmounted").rename(outputs)
    for name in ("system", "history"):
        page(app, name)
        assert "Is its volume mounted?" not in says(app)


def test_the_loras_of_the_workspace_are_listed_with_what_they_fit(app: AppTest, runtime: Runtime) -> None:
    folder = runtime.settings.workspace_dir / "adapters"
    folder.mkdir()
    (folder / "broken.safetensors").write_bytes(b"<html>")
    page(app, "system")
    assert "adds one, checked before" not in says(app)
    assert "broken: broken.safetensors is no safetensors file" in says(app).replace("\\", "")


def test_a_lora_is_removed_once_that_was_asked_and_what_names_it_is_said(
    app: AppTest, runtime: Runtime, store: Callable[..., Generation]
) -> None:
    """Its pictures stay. Where none is left, the page says how one is added."""
    folder = runtime.settings.workspace_dir / "adapters"
    write_lora_of_mini(folder / "sepia.safetensors")
    worn = ("sepia@0123456789abcdef*0.5",)
    picture = store("a ball", adapters=worn)
    page(app, "system")
    app.button(key="remove_lora_sepia").click().run()
    assert "1 picture was painted with it: it stays" in says(app)
    assert (folder / "sepia.safetensors").exists()
    app.button(key="remove_lora").click().run()
    assert not (folder / "sepia.safetensors").exists()
    assert "remove_lora_sepia" not in [button.key for button in app.button]
    assert "`fibo-studio adapters add NAME FILE` adds one, checked before" in says(app)
    assert runtime.tools.history.get(picture.id).request.adapters == worn


def test_a_lora_that_a_job_waits_for_cannot_be_removed_and_the_dialog_says_why(
    app: AppTest, runtime: Runtime, store: Callable[..., Generation]
) -> None:
    """What becomes of its pictures is said then too."""
    write_lora_of_mini(runtime.settings.workspace_dir / "adapters" / "sepia.safetensors")
    picture = store("a ball", adapters=("sepia@0123456789abcdef*0.5",))
    runtime.jobs.stop()
    written = WrittenPrompt(picture.prompt, "offline")
    runtime.desk.place(Order(kind="generate", words="a ball", written=written, steps=2, adapters=("sepia",)))
    page(app, "system")
    app.button(key="remove_lora_sepia").click().run()
    assert "1 job in the queue paints with it. Cancel what waits, or wait" in says(app)
    assert "1 picture was painted with it: it stays" in says(app)
    assert app.button(key="remove_lora").disabled
