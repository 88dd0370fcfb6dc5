"""The buttons that place orders. They are never grey, and no press is lost, however quickly they come.

Streamlit's own button loses presses that come faster than its runs (it keeps one for each run). This bar numbers each
press, keeps it in the browser's tab and sends it again until Python has carried it out, also after a reload or after a
server that was gone. A press carries what stood on the page at that moment: the words in their field, and the text in
the JSON editor; and a name, by which the desk knows an order that it has taken before.
"""

import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import streamlit as st

from fibo_core.store.generation import Mode
from fibo_core.store.idempotency import OnceKey
from studio.ui.components import asset

TOLD_MAX = 8  #: times that a bar was put up, and may still wait to hear of its presses

_BAR = st.components.v2.component(
    "fibo_press_bar",
    html="<div class='bar' role='group' aria-label='Paint'></div>\n",
    css=asset("press_bar.css"),
    js=asset("press_bar.js"),
)


@dataclass(frozen=True)
class PressButton:
    """A button of the bar: ``action`` is what its presses are told apart by. Ctrl+Enter presses the first one."""

    action: str
    label: str
    help: str = ""


@dataclass(frozen=True)
class Press:
    """One press: which button, the words as they stood in their field, the JSON editor's text with its revision, and
    the name of the mark on the stage ("" where nothing is marked).
    None where the page has no such field, or where nobody looked. ``bar`` and ``number`` are its name, ``waited`` that
    of a press which has waited for the step before it."""

    action: str
    words: str | None = None
    text: str | None = None
    revision: int | None = None
    mark: str | None = None
    bar: str = ""
    number: int = 0
    waited: str = ""

    @property
    def id(self) -> str:
        """Its name, the same whenever it comes again; "" for one that no browser has sent."""
        return f"{self.bar}:{self.number}" if self.bar else ""

    @property
    def once(self) -> OnceKey | None:
        """By which an order that this press has placed is known."""
        return OnceKey(f"press {self.id}", self.action) if self.id else None


@dataclass(frozen=True)
class FieldChange:
    """What the browser puts into the words field, where that still holds ``old`` and nobody has typed since."""

    number: int
    old: str
    new: str


@dataclass
class Presses:
    """The presses of one page's bar that have not been carried out yet.

    ``taken`` is, for each time the bar was put up in a browser, the number of its last press that has arrived, ``done``
    that of the last one carried out; ``buttons`` are those that were drawn last, and ``clears`` whether a press empties
    the words field. ``changes`` are those that the browser has not answered, ``answers`` whether it made the others, by
    their numbers.
    """

    waiting: list[Press] = field(default_factory=list)
    taken: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    buttons: tuple[PressButton, ...] = ()
    clears: bool = False
    changes: list[FieldChange] = field(default_factory=list)
    answers: dict[int, bool] = field(default_factory=dict)
    #: Held by the run that carries presses out: Streamlit begins the next run before it has broken this one off.
    carrying: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def receive(self, pressed: Sequence[dict[str, Any]]) -> None:
        """Takes the presses that are new; a browser sends each until it is told that it was carried out."""
        for each in pressed:
            bar, number = str(each["bar"]), int(each["number"])
            if number > self.taken.get(bar, 0):
                self.taken[bar] = number
                self.waiting.append(
                    Press(
                        str(each["action"]),
                        each.get("words"),
                        each.get("text"),
                        each.get("revision"),
                        each.get("mark"),
                        bar,
                        number,
                    )
                )

    @property
    def taken_lately(self) -> dict[str, int]:
        """What a browser may forget where the page keeps a press until it is carried out."""
        return dict(list(self.taken.items())[-TOLD_MAX:])

    def carried_out(self) -> None:
        """The first one is done, and its browser may forget it."""
        press = self.waiting.pop(0)
        if press.bar:
            self.done.pop(press.bar, None)
            self.done[press.bar] = press.number
            for bar in list(self.done)[:-TOLD_MAX]:
                del self.done[bar]

    def has_waited(self, name: str) -> bool:
        """Whether the press of this name, which has waited for its step, is among them."""
        return any(press.waited == name for press in self.waiting)

    def change_words(self, old: str, new: str) -> int:
        """Has the browser put ``new`` into the words field, where it holds ``old`` by then; the change's number."""
        number = len(self.answers) + len(self.changes) + 1
        self.changes.append(FieldChange(number, old, new))
        return number

    def answer(self, answers: Sequence[dict[str, Any]]) -> None:
        """Takes what became of the changes; a browser tells it until they are not asked for any more."""
        for each in answers:
            self.answers[int(each["number"])] = bool(each["made"])
        self.changes = [each for each in self.changes if each.number not in self.answers]


def press_bar(mode: Mode, buttons: Sequence[PressButton], *, clears: bool = False) -> Presses:
    """Draws the buttons; the presses that wait to be carried out, oldest first.

    With ``clears`` the browser empties the words field at a press, which has the words: what is typed from then on is
    the next instruction. Nothing else may write into that field but :meth:`Presses.change_words`.
    """
    presses, key = presses_of(mode), f"{mode}_press_bar"
    presses.buttons, presses.clears = tuple(buttons), clears

    def receive() -> None:
        presses.receive(st.session_state[key]["pressed"] or ())

    def answer() -> None:
        presses.answer(st.session_state[key]["changed"] or ())

    _BAR(
        key=key,
        data={
            "mode": mode,
            "buttons": [asdict(button) for button in buttons],
            "done": presses.taken_lately if clears else presses.done,
            "clears": clears,
            "changes": [asdict(change) for change in presses.changes],
        },
        on_pressed_change=receive,
        on_changed_change=answer,
    )
    return presses


def presses_of(mode: Mode) -> Presses:
    """What the session holds of the presses of a page."""
    presses: Presses = st.session_state.setdefault(f"{mode}_presses", Presses())
    return presses
