"""Settings: the environment, read once; every fault is one sentence that names the variable and the way out."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fibo_core.errors import SettingsError
from fibo_core.settings import CHECKOUT, Settings
from fibo_core.variables import RENAMED, VARIABLES


def read(**environ: str) -> Settings:
    return Settings.from_environ({"WORKSPACE_DIR": "/somewhere", **environ})


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    """What the table says is what a user gets who sets nothing."""
    settings = read()
    defaults = {variable.name: variable.default for variable in VARIABLES}
    assert settings.fibo_model == defaults["FIBO_MODEL"] == "auto"
    assert str(settings.studio_port) == defaults["STUDIO_PORT"] == "7860"
    assert str(settings.max_workers) == defaults["MAX_WORKERS"]
    assert settings.studio_host == defaults["STUDIO_HOST"]
    assert settings.database_url is None
    assert settings.hub_cache == Path("/somewhere/.cache/huggingface/hub")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("FIBO_MODEL", "dall-e", "auto, mini, fibo"),
        ("FIBO_WRITER", "gpt", "auto, gemini, llm, local, offline"),
        ("STUDIO_PORT", "99999", "from 1 to 65535"),
        ("STUDIO_PORT", "http", "from 1 to 65535"),
        ("MAX_WORKERS", "0", "from 1 to 32"),
        ("LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("IDLE_STOP_MINUTES", "soon", "from 0 to 10080"),
        ("IDLE_STOP_FORCE", "yes", "from 0 to 1"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_with_the_allowed_ones(name: str, value: str, allowed: str) -> None:
    """The sentence names the variable, the value and what to set instead."""
    with pytest.raises(SettingsError) as error:
        read(**{name: value})
    assert name in str(error.value)
    assert value in str(error.value)
    assert allowed in str(error.value)


@pytest.mark.parametrize("name", ["HF_TOKEN", "GOOGLE_API_KEY", "RUNPOD_API_KEY"])
@pytest.mark.parametrize(
    "value", ["hf_verysесret", "hf_very secret", "hf_very\nsecret", "“hf_verysecret”", "hf_\udcffvery"]
)
def test_a_key_that_no_request_could_carry_is_refused_without_showing_it(name: str, value: str) -> None:
    """Beyond ASCII (here some letters are Cyrillic), a blank, a line break: said at the start, by name alone."""
    with pytest.raises(
        SettingsError, match=rf"{name} holds a character that it may not \(character \d+\)\. Set it to"
    ) as error:
        read(**{"RUNPOD_POD_ID": "abc", name: value})
    assert "very" not in str(error.value)
    settings = read(**{"RUNPOD_POD_ID": "abc", name: " hf_verysecret\n"})
    assert settings.pod is not None
    assert "hf_verysecret" in {
        secret.get_secret_value()
        for secret in (settings.hf_token, settings.google_api_key, settings.pod.api_key)
        if secret
    }


def test_a_password_may_hold_any_letters_but_no_line_break() -> None:
    """A form of one line could never send that."""
    for password in ("ein häßlicher Häher", "пароль", "密码 密码"):
        read(STUDIO_PASSWORD=password)
    with pytest.raises(SettingsError, match=r"STUDIO_PASSWORD holds a character that it may not \(character 4\)"):
        read(STUDIO_PASSWORD="two\nlines")


def test_another_database_is_refused_without_showing_its_password() -> None:
    """A connection string holds a secret, and an error message is no place for it."""
    with pytest.raises(SettingsError) as error:
        read(DATABASE_URL="postgresql://me:hunter2@host/db")
    assert "postgresql" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_the_older_names_are_read_with_a_warning() -> None:
    """Users of the Gradio program keep their template's variables."""
    settings = read(GRADIO_SERVER_PORT="7999", GRADIO_SHARE="True")
    assert settings.studio_port == 7999
    assert any("STUDIO_PORT" in warning for warning in settings.warnings)
    assert any("GRADIO_SHARE" in warning for warning in settings.warnings)


@pytest.mark.parametrize("value", ['"made-up-key"', "'made-up-key'", ' "made-up-key" '])
def test_quotes_that_an_env_file_leaves_around_a_value_are_taken_off_with_a_warning(value: str) -> None:
    """One pair, of any variable; the warning names the variable and never the value."""
    settings = read(
        HF_TOKEN=value, GOOGLE_API_KEY=value, STUDIO_PASSWORD=value, STUDIO_PORT='"7999"', HF_HOME="'/models'"
    )
    secrets = (settings.hf_token, settings.google_api_key, settings.studio_password)
    assert [secret.get_secret_value() for secret in secrets if secret] == ["made-up-key"] * 3
    assert (settings.studio_port, settings.hub_cache.as_posix()) == (7999, "/models/hub")
    assert [warning.split()[0] for warning in settings.warnings if "stands in quotes" in warning] == [
        *("HF_TOKEN", "GOOGLE_API_KEY", "STUDIO_PORT", "STUDIO_PASSWORD", "HF_HOME")
    ]
    assert "made-up" not in " ".join(settings.warnings)


def test_a_second_pair_and_a_single_quote_belong_to_a_password() -> None:
    """Only what an env file adds is taken off; a value of two quotes alone is none."""
    for value, kept in (("''doubly''", "'doubly'"), ("it's", "it's"), ('"', '"')):
        password = read(STUDIO_PASSWORD=value).studio_password
        assert password is not None
        assert password.get_secret_value() == kept
    assert read(STUDIO_PASSWORD='""').studio_password is None


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    """A token in a log is a token lost."""
    settings = read(
        HF_TOKEN="hf_verysecret",
        GOOGLE_API_KEY="key_verysecret",
        STUDIO_PASSWORD="pw_verysecret",
        RUNPOD_POD_ID="abc",
        RUNPOD_API_KEY="rp_verysecret",
    )
    assert "verysecret" not in repr(settings)
    assert settings.hf_token is not None
    assert settings.hf_token.get_secret_value() == "hf_verysecret"


def test_a_model_may_be_named_by_its_repository_in_any_case() -> None:
    """People paste what the hub shows them."""
    assert read(FIBO_MODEL="briaai/FIBO").fibo_model == "fibo"
    assert read(FIBO_MODEL="MINI").fibo_model == "mini"


def test_a_test_knows_nothing_of_the_shell_it_is_run_from(tmp_path: Path) -> None:
    """Whatever Settings reads is not there, in a test or in the server of a module: also a variable that is new."""
    source = (CHECKOUT / "fibo_core" / "settings.py").read_text("utf-8")
    read_by_name = set(re.findall(r'"([A-Z][A-Z0-9]*_[A-Z0-9_]+)"', source))
    assert {"HF_HOME", "RUNPOD_POD_ID", "MAX_WORKERS"} <= read_by_name
    names = {variable.name for variable in VARIABLES} | set(RENAMED) | read_by_name
    inside = tmp_path / "test_inside.py"
    inside.write_text(
        "import os, pytest\n"
        "from fibo_core.settings import Settings\n"
        "@pytest.fixture(scope='module')\n"
        "def early():\n"
        "    return Settings.from_environ()\n"
        "def test_it(early):\n"
        "    unset = Settings.from_environ({})\n"
        "    assert early == unset\n"
        "    workspace = os.environ['WORKSPACE_DIR']\n"
        "    assert Settings.from_environ() == Settings.from_environ({'WORKSPACE_DIR': workspace})\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "--rootdir", str(tmp_path), str(inside)]
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)} | dict.fromkeys(names, "nonsense")
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "1 passed" in said.stdout
