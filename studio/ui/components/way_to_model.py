"""The way to weights that are not here, as numbered steps: each done, next, or not possible on this machine, with
commands to copy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import streamlit as st

from fibo_core.models.catalogue import CATALOGUE, WeightsSpec
from fibo_core.models.plans import needs
from studio.program import command
from studio.ui.words import plain

State = Literal["done", "next", "later", "not asked", "not possible here"]

_SIGNS: dict[State, str] = {
    "done": ":green[:material/check_circle:]",
    "next": ":primary[:material/arrow_circle_right:]",
    "later": ":gray[:material/radio_button_unchecked:]",
    "not asked": ":gray[:material/help:]",
    "not possible here": ":orange[:material/block:]",
}
TOKENS = "https://huggingface.co/settings/tokens"


@dataclass(frozen=True)
class Facts:
    """What the way depends on. ``lack`` is what the GPU or the memory is short of; ``licence`` whether the token's
    account has accepted it, None where nobody has asked."""

    gpu: bool
    lack: str = ""
    token: bool = False
    licence: bool | None = None
    on_pod: bool = False


@dataclass(frozen=True)
class Step:
    """``about`` is Markdown; ``commands`` are to be copied."""

    title: str
    about: str
    state: State
    commands: str = ""


def steps_to(spec: WeightsSpec, facts: Facts) -> tuple[Step, ...]:
    """What is to be done until ``spec`` works here, in its order; the last but one is the download."""
    return _in_turn(
        [
            _gpu(spec, facts),
            *([_licence(spec, facts), _token(facts)] if spec.gated else []),
            Step(
                f"Download, about {spec.download_gb:.0f} GB", "By the button, or by the command.", "next",
                command(f"models download {spec.name}"),
            ),
            Step("Load", _loading(spec), "next"),
        ]
    )  # fmt: skip


def show_way(spec: WeightsSpec, facts: Facts, download: Callable[[], None]) -> None:
    """The steps; ``download`` draws what stands below the one that downloads."""
    steps = steps_to(spec, facts)
    with st.container(key=f"way_{spec.name}", gap="small"):
        for number, step in enumerate(steps, 1):
            state = "" if step.state == "later" else f" :small[:gray[· {step.state}]]"
            st.markdown(f"{_SIGNS[step.state]} **{number}. {step.title}**{state}  \n:small[{step.about}]")
            if step.commands and step.state != "done":
                st.code(step.commands, language="sh")
            if number == len(steps) - 1:
                download()


def _gpu(spec: WeightsSpec, facts: Facts) -> Step:
    if facts.gpu and not facts.lack:
        return Step("GPU", "This machine's will do.", "done")
    cards = needs(spec.name)
    needed = f"an NVIDIA GPU with {cards}" if cards else "an NVIDIA GPU"
    lack = plain(facts.lack) if facts.gpu else f"{spec.title} needs {needed}, and this machine has none."
    meanwhile = "mini paints here" if spec.name in CATALOGUE else "the other writers write here"
    return Step("GPU", f"{lack} Rent a machine that has it; {meanwhile}.", "not possible here")


def _licence(spec: WeightsSpec, facts: Facts) -> Step:
    page = f"[huggingface.co/{spec.repo}](https://huggingface.co/{spec.repo})"
    about = f"Read [{spec.licence}]({spec.licence_url}), log in at {page} and accept it there."
    if facts.licence:
        return Step("Licence", "The token's account has accepted it.", "done")
    if facts.token and facts.licence is None:
        return Step("Licence", f"{about} “Check again” asks whether it is accepted.", "not asked")
    return Step("Licence", about, "next")


def _token(facts: Facts) -> Step:
    if facts.token:
        return Step("Token", "HF\\_TOKEN is set.", "done")
    make = f"Make one of that account, which may read, at [huggingface.co/settings/tokens]({TOKENS})."
    if facts.on_pod:
        return Step(
            "Token", f"{make} Set HF\\_TOKEN to it in the pod's environment variables.", "next", "HF_TOKEN=hf_…"
        )
    return Step(
        "Token", f"{make} Start the studio again with it.", "next", "export HF_TOKEN=hf_…\nscripts/studio.sh"
    )  # fmt: skip


def _loading(spec: WeightsSpec) -> str:
    if spec.name in CATALOGUE:
        return "By itself, as soon as its weights are here and the queue is empty; or by “Use this model”, here."
    return "By itself, when it is first asked."


def _in_turn(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Only the first of the steps to do is the next one, and none where the machine will not do."""
    here = all(step.state != "not possible here" for step in steps)
    first = next((step for step in steps if step.state == "next"), None) if here else None
    return tuple(replace(step, state="later") if step.state == "next" and step is not first else step for step in steps)
