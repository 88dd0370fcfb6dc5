"""What the wildcards in the words come to, before anything is painted: which prompts, how many pictures."""

import streamlit as st

from fibo_core.engine.request import DRAW, draw_seeds
from fibo_core.errors import FiboError
from fibo_core.prompts.wildcards import Wildcards, deal, read_wildcards
from studio.ui.session import read_seed
from studio.ui.state import field_value
from studio.ui.words import plain

MANY = 1_000_000  #: combinations; what is above has no name a user needs


def show_wildcards(words: str, *, from_json: bool) -> Wildcards:
    """Reads the words for wildcards and says what the form would paint of them; silent where there are none."""
    wildcards = read_wildcards(words)
    if wildcards.note is not None:
        st.caption(f":material/info: {plain(wildcards.note)}")
    elif wildcards.found and from_json:
        st.caption(":material/info: The JSON below is yours and is painted as it is: the choices in the words wait.")
    elif wildcards.found:
        _say(words, wildcards)
    return wildcards


def _say(words: str, wildcards: Wildcards) -> None:
    count, seed = field_value("generate", "count", 1), field_value("generate", "seed", "").strip()
    combinations = f"{wildcards.count:,}" if wildcards.count <= MANY else "more than a million"
    drawn, seed = wildcards.count > count, "" if seed == str(DRAW) else seed
    if drawn and not seed:  # a seed not drawn yet says nothing about the words
        st.caption(f":material/shuffle: {_many(count, 'picture')} of {combinations} prompts, drawn when you press.")
        return
    try:
        dealt = deal(words, draw_seeds(count, read_seed(seed)))
    except FiboError:
        return  # the seed is none; the press of a button says so
    of = f" of {combinations}, drawn by the seed" if drawn else ""
    prompts = " · ".join(plain(text) + (f" ×{len(seeds)}" if len(seeds) > 1 else "") for text, seeds in dealt)
    st.caption(f":material/shuffle: {_many(len(dealt), 'prompt')}{of}, {_many(count, 'picture')}: {prompts}")


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
