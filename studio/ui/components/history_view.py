"""History as one component: the gallery, which reads its own pages from the studio, and one picture large.

It owns its page's address (``?q=``, ``?at=``, ``?picture=``): Python reads and writes none of it there, and hears only
of the ways that lead to other pages.
"""

from typing import Any

import streamlit as st

from fibo_core.models.catalogue import CATALOGUE
from studio.remedies import rebuild_command
from studio.ui.components import asset, loader
from studio.ui.state import HistoryState, Way
from studio.web.assets import script_address
from studio.web.editor_words import words_address

_HISTORY = st.components.v2.component(
    "fibo_history",
    html=asset("history/history.html"),
    css=asset("history/history.css"),
    js=loader("history", "history.js"),
    isolate_styles=False,  # Ace, and keys typed into the search that are no shortcuts of anybody's
)


def history_view(state: HistoryState, *, key: str) -> None:
    """Shows all pictures; the way that its user takes from one is kept as ``state.way`` until it is gone.

    What ``state`` says is said to its user, once.
    """

    def take_way() -> None:
        if (asked := st.session_state[key].get("way")) is not None:
            state.way = Way(asked["kind"], str(asked["id"]))

    _HISTORY(
        key=key,
        data={
            "stage": script_address("stage", "stage.js"),
            "markup": f"<style>{asset('stage.css')}{_CENTRED}</style>{asset('stage.html')}",
            "kin": {name: script_address("kin", f"{name}.js") for name in ("lineage", "again", "compare")},
            "editor": script_address("editor", "editor.js"),
            "ace": script_address("ace", "ace.js"),
            "words": words_address(),
            "fixed": _fixed_negatives(),
            "mend": rebuild_command(),
            "said": {"number": state.said_number, "text": state.said},
        },
        on_way_change=take_way,
    )


#: The stage stands in the middle of the lightbox.
_CENTRED = ".box { margin-inline: auto } .tools { justify-content: center }"


def _fixed_negatives() -> dict[str, Any]:
    """The negative prompts that models have by themselves: nobody has asked for them."""
    return {spec.name: spec.fixed_negative for spec in CATALOGUE.values() if spec.fixed_negative is not None}
