"""How long something takes or is waited for, in words."""

import math


def duration(seconds: float) -> str:
    """ "1.2 s", "40 s", "3 min", "2 h 5 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def wait(seconds: float) -> str:
    """A wait that ends by itself, in whole seconds and never too short: "1 s", "37 s", "3 min"."""
    whole = max(1, math.ceil(seconds))
    return f"{whole} s" if whole < 90 else duration(math.ceil(whole / 60) * 60)
