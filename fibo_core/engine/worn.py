"""The adapters of a recipe in words: which ones painted it, and what another recipe has otherwise."""

from collections.abc import Sequence

from fibo_core.engine.adapters import Adapter
from fibo_core.errors import RequestError


def worn_line(adapters: Sequence[str]) -> str:
    """ "LoRA sepia:0.8, ink:0.3" of what a recipe holds; "" where it has none."""
    return f"LoRA {', '.join(map(_asked, adapters))}" if adapters else ""


def worn_changes(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """What a recipe has otherwise than another: "LoRA sepia:0.8 taken off", "LoRA ink:0.3 put on"."""
    was, now = ({_asked(text).partition(":")[0]: text for text in adapters} for adapters in (before, after))
    told = [f"LoRA {_asked(text)} taken off" for name, text in was.items() if name not in now]
    told += [f"LoRA {_asked(text)} put on" for name, text in now.items() if name not in was]
    for name in was:
        if name in now and was[name] != now[name]:
            old, new = _asked(was[name]), _asked(now[name])
            told.append(f"LoRA {new} from another file" if old == new else f"LoRA {old} → {new}")
    return told


def _asked(text: str) -> str:
    """As a user asks for it; one that does not say which file it was, as the recipe has it."""
    try:
        return Adapter.of_recipe(text).asked
    except RequestError:
        return text
