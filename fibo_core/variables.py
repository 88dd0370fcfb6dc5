"""Every environment variable FIBO Studio reads: name, default, meaning.

Standard library only, so that a pod's entrypoint can read the table before anything is installed. The table in
the documentation is printed from here.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Secret:
    """A kind of secret: a character that its value ``never`` holds, and what is ``wanted`` instead."""

    never: re.Pattern[str]
    wanted: str


#: Goes into a header of HTTP.
KEY = Secret(re.compile("[^!-~]"), "the key as it was given: letters, digits and signs of ASCII, without blanks")
#: Is typed into a form of one line.
PASSWORD = Secret(re.compile("[\x00-\x1f\x7f]"), "one line, without control characters")


@dataclass(frozen=True)
class Variable:
    """One environment variable. ``default`` is the text it would have; None when unset means something.

    ``choices`` are all it may be, in any case; ``between`` bounds a whole number.
    """

    name: str
    default: str | None
    meaning: str
    secret: Secret | None = None
    choices: tuple[str, ...] = ()
    between: tuple[int, int] | None = None


VARIABLES: tuple[Variable, ...] = (
    Variable(
        "HF_TOKEN",
        None,
        "Hugging Face token with access to FIBO's gated weights; not needed for mini",
        secret=KEY,
    ),
    Variable("GOOGLE_API_KEY", None, "Gemini key; lets Gemini write prompts", secret=KEY),
    Variable(
        "FIBO_MODEL",
        "auto",
        "`mini`, a name or repository of the catalogue, a folder with a pipeline, or a model that was added; `auto`: "
        "FIBO as soon as its weights are here, where it fits the GPU and the machine's memory, else mini",
    ),
    Variable(
        "FIBO_COMPILE",
        "off",
        "`on`: a GPU's code is made for the model's blocks when the first picture is painted, which takes a minute or "
        "more, and pictures after it come sooner; not measured. Pixels may differ by a little from those without, and "
        "each recipe says so",
        choices=("off", "on"),
    ),
    Variable(
        "FIBO_PLACEMENT",
        "auto",
        "how a GPU holds the model: `card` (all of it), `parts` (one at a time, the others wait in main memory), "
        "`pieces` (layer by layer, slower; the least memory); `auto`: the first of them that fits",
        choices=("auto", "card", "parts", "pieces"),
    ),
    Variable(
        "FIBO_PRECISION",
        "auto",
        "of the model's weights on a GPU: `bf16` as published, `fp8`, `int8` (needs torchao) or `nf4` (needs "
        "bitsandbytes), which take less memory and paint somewhat other pixels; `auto`: bf16 wherever it can be held",
        choices=("auto", "bf16", "fp8", "int8", "nf4"),
    ),
    Variable(
        "FIBO_ENGINE",
        "in-process",
        "`process`: the model lives in a process of its own, which is started anew when the GPU or a library fails, "
        "while the studio goes on",
        choices=("in-process", "process"),
    ),
    Variable(
        "FIBO_WRITER",
        "auto",
        "`gemini`, `llm`, `local` or `offline`: the one to ask; `auto`: those that are set up, in that order, until "
        "one answers",
        choices=("auto", "gemini", "llm", "local", "offline"),
    ),
    Variable("GEMINI_MODEL", "gemini-3.5-flash-lite", "Gemini model id"),
    Variable(
        "LLM_BASE_URL",
        None,
        "address of a service that speaks OpenAI's chat completions, such as `http://localhost:11434/v1`; with "
        "LLM_MODEL it lets any model write prompts",
    ),
    Variable("LLM_MODEL", None, "name of the model there, as the service has it: `qwen3:8b`"),
    Variable("LLM_API_KEY", None, "key of that service, where it wants one", secret=KEY),
    Variable(
        "WORKSPACE_DIR",
        None,
        "everything durable; unset: `/workspace` where it is a writable folder, else `workspace` in the checkout",
    ),
    Variable("CACHE_DIR", None, "weights and thumbnails; unset: `$WORKSPACE_DIR/.cache`"),
    Variable("DATABASE_URL", None, "SQLite only; unset: `studio.db` in the workspace"),
    Variable("STUDIO_HOST", "127.0.0.1", "address to listen on; beyond this machine there is always a login"),
    Variable("STUDIO_PORT", "7860", "port to listen on", between=(1, 65535)),
    Variable(
        "STUDIO_DIRECT_TCP",
        "off",
        "`on`: a pod's studio is meant for its mapped TCP port too, which is plain HTTP: the password can be read on "
        "the way",
        choices=("off", "on"),
    ),
    Variable(
        "STUDIO_PASSWORD",
        None,
        "asked for by every page, picture, socket and call; unset: no login on this machine alone, beyond it one is "
        "drawn and printed at each start",
        secret=PASSWORD,
    ),
    Variable(
        "STUDIO_API_KEY",
        None,
        "opens the studio to programs as the password does, where there is a login: a key that can be changed alone",
        secret=KEY,
    ),
    Variable(
        "STUDIO_EDITOR",
        "ace",
        "the JSON editor of the pages: `ace`, or `streamlit-ace` for that package's own, in a frame",
        choices=("ace", "streamlit-ace"),
    ),
    Variable(
        "MAX_WORKERS",
        "2",
        "jobs begun at once; it makes no picture faster: a card paints one at a time, while others write and save",
        between=(1, 32),
    ),
    Variable("MAX_QUEUED", "1000", "pictures that may wait; an order of more is refused", between=(1, 100_000)),
    Variable("JOB_TIMEOUT_S", "1800", "a job that runs longer is ended and says so", between=(1, 7 * 24 * 3600)),
    Variable(
        "TRASH_DAYS",
        "30",
        "days after which deleted pictures are purged by a running studio: their files leave the disk; 0: never",
        between=(0, 36500),
    ),
    Variable(
        "IDLE_STOP_MINUTES",
        "0",
        "stops the pod when for so long no job ran or waited, no browser was connected and no call came; 0: never",
        between=(0, 7 * 24 * 60),
    ),
    Variable("IDLE_STOP_FORCE", "0", "`1`: stop by itself even a pod with a network volume", between=(0, 1)),
    Variable(
        "STUDIO_ENV_DIR",
        None,
        "where the scripts make their environments; unset: `.studio` in the checkout, on a pod its own folder in "
        "`$WORKSPACE_DIR/.studio`",
    ),
    Variable(
        "LOG_LEVEL",
        "INFO",
        "DEBUG, INFO, WARNING, ERROR or CRITICAL",
        choices=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    ),
)

#: Names of the Gradio program that came before, and what is read in their place.
RENAMED: dict[str, str] = {"GRADIO_SERVER_PORT": "STUDIO_PORT", "GRADIO_SERVER_NAME": "STUDIO_HOST"}


#: Others' that the studio reads too.
ALSO_READ = ("HF_HOME", "HF_HUB_CACHE")


def without_quotes(value: str) -> str:
    """The value without the one pair of quotes that `--env-file` of docker leaves around it; blanks go too."""
    value = value.strip()
    return value[1:-1].strip() if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def markdown_table() -> str:
    """The table as the documentation has it; `python -m fibo_core.variables` prints it."""
    rows = [f"| {each.name} | {f'`{each.default}`' if each.default else '–'} | {each.meaning} |" for each in VARIABLES]
    return "\n".join(["| Variable | Default | Meaning |", "|---|---|---|", *rows])


if __name__ == "__main__":
    print(markdown_table())
