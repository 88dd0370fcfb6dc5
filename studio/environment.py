"""What the libraries underneath read from the process's environment, set before any of them is imported.

They keep their own files where the studio keeps everything durable, and report nothing to anybody.
"""

import os

from fibo_core.settings import Settings


def prepare_environment(settings: Settings) -> None:
    """Sets what the user has not set; child processes inherit it."""
    os.environ.setdefault("HF_HOME", str(settings.cache_dir / "huggingface"))
    for switch in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_UPDATE_CHECK", "DO_NOT_TRACK"):
        os.environ.setdefault(switch, "1")
