"""Values that a page puts into fields of its form, and what becomes of them when a run is broken off.

Streamlit tells a browser of a filled field only in the run that fills it. Where that run is broken off before it draws
the field, or the browser has sent its former value meanwhile, the former value would come back. So a value is put in
again until the field has been drawn with it, and a moment longer.
"""

import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

ON_ITS_WAY_S = 1.0  #: in which a browser may still send what a field held before; nobody chooses that again so soon
BEFORE_MAX = 20  #: values of a field that was filled again and again before its browser heard of it

Session = MutableMapping[Any, Any]  #: Streamlit's own, or a dict in a test


@dataclass
class Fill:
    """A value for a field; ``run`` is the one that put it in, ``drawn`` when that run ended.

    ``in_browser`` where a browser holds the field's value too, and sends it with each run: one of ``before`` until it
    has heard of this one, for ``late_s`` after it was drawn.
    """

    value: object
    in_browser: bool = True
    late_s: float = ON_ITS_WAY_S
    run: int | None = None
    before: tuple[object, ...] = ()
    drawn: float | None = None

    def holds(self, value: object, now: float) -> bool:
        """Whether a field that nobody has touched since may hold this."""
        return value in (self.value, *self.before) and (self.drawn is None or now - self.drawn <= self.late_s)


@dataclass
class Fills:
    """The values of one browser session, by the field's key."""

    waiting: dict[str, Fill] = field(default_factory=dict)
    run: int = 0

    def fill(self, key: str, value: object, *, in_browser: bool = True, late_s: float = ON_ITS_WAY_S) -> None:
        """Puts a value in at the beginning of the next run, or when :meth:`apply` is called in this one."""
        former = self.waiting.get(key)
        self.waiting[key] = Fill(value, in_browser, late_s, before=() if former is None else former.before)

    def fill_now(
        self, session: Session, key: str, value: object, *, in_browser: bool = True, late_s: float = ON_ITS_WAY_S
    ) -> None:
        """Puts a value into a field that this run has not drawn yet."""
        self.fill(key, value, in_browser=in_browser, late_s=late_s)
        self._put(session, key)

    def is_late(self, key: str, value: object, now: float | None = None) -> bool:
        """Whether a browser sends with ``value`` what the field held before it was filled: nobody has chosen that, and
        the run that begins puts the filled value in again."""
        each = self.waiting.get(key)
        return each is not None and value != each.value and each.holds(value, time.monotonic() if now is None else now)

    def to_come(self) -> dict[str, object]:
        """What the next run puts in first."""
        return {key: each.value for key, each in self.waiting.items() if each.run is None}

    def begin(self, session: Session, now: float | None = None) -> None:
        """A run begins: what an earlier one put in is put in again where its field still holds what it held before."""
        self.run += 1
        now = time.monotonic() if now is None else now
        for key, each in list(self.waiting.items()):
            if each.run is None:
                continue
            held = session.get(key)
            if not each.holds(held, now) or (held == each.value and each.drawn is not None):
                del self.waiting[key]  # the browser has it, or its user has chosen another
            else:
                session[key] = each.value
                each.run = self.run
        self.apply(session)

    def apply(self, session: Session) -> None:
        """Puts in what has been asked for since; called before any field is drawn."""
        for key in [key for key, each in self.waiting.items() if each.run is None]:
            self._put(session, key)

    def ended(self, now: float | None = None) -> None:
        """A run has drawn all its fields."""
        for each in self.waiting.values():
            if each.run == self.run and each.drawn is None:
                each.drawn = time.monotonic() if now is None else now

    def _put(self, session: Session, key: str) -> None:
        each = self.waiting[key]
        each.before, each.run = (*each.before[1 - BEFORE_MAX :], session.get(key)), self.run
        session[key] = each.value
        if not each.in_browser:
            del self.waiting[key]
