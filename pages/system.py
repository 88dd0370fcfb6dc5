"""System: what is loaded, where data lies, what waits; the page where "why does it not work" ends."""

import streamlit as st

from fibo_core import __version__
from studio.runtime import get_runtime
from studio.ui.components.storage_card import storage_card
from studio.ui.components.system_cards import checks_card, jobs_card, model_card, writers_card

runtime = get_runtime()

left, right = st.columns(2, gap="large")
with left:
    model_card(runtime)
    writers_card(runtime)
    storage_card(runtime)
with right:
    jobs_card(runtime)
    checks_card(runtime)
st.caption(f"FIBO Studio {__version__}")
