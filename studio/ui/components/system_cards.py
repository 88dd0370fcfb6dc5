"""The cards of the System page, each one subject: model, writers, queue, checks."""

import streamlit as st

from fibo_core.engine import Engine, EngineStatus
from fibo_core.errors import ModelMissing
from fibo_core.models.catalogue import CATALOGUE, ModelSpec, WeightsSpec, find_model
from fibo_core.models.device import has_cuda_gpu, lacks_for, outlook
from fibo_core.models.plans import needs
from fibo_core.models.weights import weights_folder
from fibo_core.settings import Settings
from fibo_core.store.job_store import damage_of
from fibo_core.work.adapters import AdapterUse, adapter_use, adapters_here, remove_adapter
from fibo_core.work.desk import Batch
from fibo_core.work.runtime import Runtime
from fibo_core.writers import writer_title
from fibo_core.writers.chain import AUTO
from studio.pod.doctor import SERVICES, Check, examine
from studio.shell import get_shell
from studio.ui.components.queue_bar import open_batch
from studio.ui.components.way_to_model import Facts, show_way
from studio.ui.session import errors_shown
from studio.ui.state import system_state
from studio.ui.words import describe, duration, moment, plain, size


def model_card(runtime: Runtime) -> None:
    """Each model of the catalogue: its licence, whether it is here, load, unload, download."""
    engine = runtime.tools.engine
    status = engine.status()
    with st.container(border=True):
        st.subheader("Model", anchor=False)
        memory = f" · {status.vram_used_gb:.1f} GB of GPU memory" if status.gpu_available else ""
        st.caption(f"{status.device or 'no model loaded yet'}{memory}")
        if status.error:
            st.error(plain(status.error), icon=":material/error:")
        for spec in CATALOGUE.values():
            held = status.model == spec.name and status.state == "ready"
            st.markdown(f"**{spec.title}** {':green-badge[in use]' if held else ''}")
            st.caption(f"{spec.about} Licence: [{spec.licence}]({spec.licence_url}).")
            if fits := outlook(spec, runtime.settings.hub_cache, runtime.settings.wish):
                st.caption(f":material/memory: On this GPU: {plain(fits)}")
            elif cards := needs(spec.name):
                st.caption(f":material/memory: Needs a GPU with {cards}.")
            _model_buttons(runtime, spec, status, held=held)
        _adapters(runtime)


def _adapters(runtime: Runtime) -> None:
    """The LoRAs of the workspace, or how one is added."""
    st.markdown("**LoRAs**")
    if not (adapters := adapters_here(runtime.settings)):
        st.caption("None is here. `fibo-studio adapters add NAME FILE` adds one, checked before.")
    for adapter in adapters:
        fits = ", ".join(find_model(name).title for name in adapter.fits)
        about = adapter.fault or (f"fits {fits}" if fits else "fits none of the models here")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(plain(f"{adapter.name}: {about}"), width="stretch")
            if st.button("Remove", key=f"remove_lora_{adapter.name}", type="tertiary", icon=":material/delete:"):
                system_state().removing = adapter.name
    if (name := system_state().removing) is not None:
        _ask_to_remove(runtime, name)


def _ask_to_remove(runtime: Runtime, name: str) -> None:
    """Says what still names a LoRA before its file goes."""
    state = system_state()

    @st.dialog("Remove a LoRA", icon=":material/delete:", on_dismiss=lambda: setattr(state, "removing", None))
    def dialog() -> None:
        with errors_shown():
            use = adapter_use(runtime.database, name)
            waits, painted = (AdapterUse(*each).sentence for each in ((use.jobs, 0), (0, use.pictures)))
            st.markdown(f"**{plain(name)}** leaves the workspace. {plain(painted)}")
            if waits:
                st.markdown(f":material/hourglass: {plain(waits)} Cancel what waits, or wait until it is painted.")
            if st.button(
                "Remove for good", key="remove_lora", type="primary", icon=":material/delete_forever:",
                disabled=use.jobs > 0,
            ):  # fmt: skip
                remove_adapter(runtime.settings, runtime.database, name)
                state.removing = None
                st.rerun()

    dialog()


def _model_buttons(runtime: Runtime, spec: ModelSpec, status: EngineStatus, *, held: bool) -> None:
    engine = runtime.tools.engine
    try:
        weights_folder(spec, runtime.settings.hub_cache)
    except ModelMissing as exc:
        if spec.repo is None:
            st.error(plain(str(exc)), icon=":material/error:")
        else:
            _download(runtime, spec)
        return
    if held and status.unloading:
        _unloading(engine, spec)
    elif held:
        if st.button("Unload", key=f"unload_{spec.name}", icon=":material/eject:", help="Frees its memory"):
            engine.unload()
            st.rerun()
    elif st.button(
        "Use this model", key=f"load_{spec.name}", icon=":material/play_arrow:",
        disabled=status.state == "loading" or status.unloading,
    ):  # fmt: skip
        with errors_shown(), st.spinner(f"Loading {spec.title}"):
            get_shell().model_in_use.choose(runtime, spec.name)
            st.rerun()


@st.fragment(run_every=1.0)
def _unloading(engine: Engine, spec: ModelSpec) -> None:
    if not engine.status().unloading:
        st.rerun()
    st.caption(f":material/hourglass: {spec.title} is unloaded when the picture it paints is finished.")


def _download(runtime: Runtime, spec: WeightsSpec) -> None:
    """The button that fetches the weights, and how far it has come."""
    downloads = get_shell().downloads
    current = downloads.get(spec.name)
    if current is not None and current.running:
        _download_progress(spec)
        return
    if current is not None and current.error:
        st.error(plain(current.error), icon=":material/error:")

    def download() -> None:
        if st.button(
            f"Download {spec.title}", key=f"download_{spec.name}", icon=":material/download:",
            disabled=spec.gated and runtime.settings.hf_token is None,
        ):  # fmt: skip
            downloads.start(spec, runtime)
            st.rerun()

    with st.expander(f"The way to {spec.title}, step by step", expanded=spec.name == "fibo", type="compact"):
        show_way(spec, _facts(runtime, spec), download)


def _facts(runtime: Runtime, spec: WeightsSpec) -> Facts:
    settings = runtime.settings
    return Facts(
        gpu=has_cuda_gpu(),
        lack=lacks_for(spec),
        token=settings.hf_token is not None,
        licence=_accepted(settings) if system_state().asks_services and spec.name == "fibo" else None,
        on_pod=settings.on_pod,
    )


def _accepted(settings: Settings) -> bool | None:
    """Whether FIBO's licence is accepted, as the check says that asks; None where it could not be told."""
    (licence,) = [check for check in _checks(settings, True) if check.name == "licence"]
    if licence.todo == "":
        return True
    return None if settings.hf_token is None else False


@st.fragment(run_every=1.0)
def _download_progress(spec: WeightsSpec) -> None:
    current = get_shell().downloads.get(spec.name)
    if current is None or not current.running:
        st.rerun()
    event = current.event
    text = "Asking for access and size"
    if event is not None and event.total_bytes:
        left = "" if event.remaining_s is None else f", about {duration(event.remaining_s)} left"
        text = f"{size(event.done_bytes)} of {size(event.total_bytes)}{left}"
    if event is not None and event.wait_s is not None:
        text = f"Waiting {duration(event.wait_s)}, then it goes on: {plain(event.reason)}"
    st.progress((current.percent or 0) / 100, text=text)
    if st.button("Cancel", key=f"cancel_download_{spec.name}", type="tertiary", icon=":material/close:"):
        current.cancel.cancel()


def writers_card(runtime: Runtime) -> None:
    """Each writer: ready, or the way to ready. A service itself is asked only when somebody presses the button."""
    writers = runtime.tools.writers
    with st.container(border=True):
        st.subheader("Prompt writers", anchor=False)
        if writers.preferred != AUTO:
            st.caption(f"FIBO\\_WRITER is {writers.preferred}: “Auto” asks that one and no other.")
        for backend in writers.backends:
            lack = backend.missing()
            badge = ":green-badge[ready]" if lack is None else f":orange-badge[{plain(lack.what)}]"
            st.markdown(f"**{plain(backend.heading if lack is None else writer_title(backend.name))}** {badge}")
            st.caption(plain(f"{backend.about[0].upper()}{backend.about[1:]}."))
            if lack is not None:
                st.caption(plain(lack.todo))
                if lack.weights is not None:
                    st.caption(f"Licence: [{lack.weights.licence}]({lack.weights.licence_url}).")
                    _download(runtime, lack.weights)
            elif backend.name in SERVICES and st.button(
                "Ask whether it answers", key=f"ask_{backend.name}", type="tertiary", icon=":material/network_check:",
                help="Asks the service for the model with your key; writes nothing",
            ):  # fmt: skip
                with st.spinner("Asking"):
                    check = SERVICES[backend.name](runtime.settings)
                st.markdown(f"{_icon(check)} {plain(check.detail)}")


def jobs_card(runtime: Runtime) -> None:
    """The newest batches, with the way to their pictures; those still going can be cancelled, those that ended badly
    tried again."""
    with st.container(border=True):
        st.subheader("Queue", anchor=False)
        recent = runtime.desk.recent(limit=8)
        if not recent:
            st.caption("No job yet.")
        for batch in recent:
            _batch_row(runtime, batch)
        for row in runtime.jobs.recent(limit=8).damaged:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.caption(f":material/error: {plain(damage_of(row))}")
                if st.button("Remove", key=f"system_remove_{row.seq}", type="tertiary"):
                    runtime.jobs.remove_damaged(row)
                    st.rerun()


def _batch_row(runtime: Runtime, batch: Batch) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        state = describe(runtime.desk, batch) if not batch.ended else batch.state.capitalize()
        st.markdown(f"{plain(batch.title)}  \n:gray[{moment(batch.created_at)} · {state}]")
        if (batch.generation_ids or not batch.ended) and st.button(
            "Show", key=f"system_show_{batch.id}", type="tertiary", help="Its pictures, on their page"
        ):
            open_batch(batch.id, batch.kind)
        if not batch.ended and st.button("Cancel", key=f"system_cancel_{batch.id}", type="tertiary"):
            runtime.desk.cancel(batch.id)
            st.rerun()
        if batch.retryable and st.button("Try again", key=f"system_retry_{batch.id}", type="tertiary"):
            with errors_shown():
                runtime.desk.retry(batch.id)
                st.rerun()
    for error in dict.fromkeys(job.error for job in batch.jobs if job.state == "failed" and job.error):
        st.caption(f":material/error: {plain(error)}")


def checks_card(runtime: Runtime) -> None:
    """What the doctor finds, each with the way to green."""
    with st.container(border=True):
        st.subheader("Checks", anchor=False)
        state = system_state()
        for check in _checks(runtime.settings, state.asks_services):
            _say_check(check)
        if st.button(
            "Check again", type="tertiary", icon=":material/refresh:",
            help="Asks Hugging Face about the licence, and the writers' services about their models, too",
        ):  # fmt: skip
            _checks.clear()
            state.asks_services = True
            st.rerun()


def _icon(check: Check) -> str:
    if not check.ok:
        return ":orange[:material/error:]"
    return ":gray[:material/info:]" if check.todo else ":green[:material/check_circle:]"


def _say_check(check: Check) -> None:
    label = _LABELS.get(check.name, check.name.capitalize())
    todo = f"  \n:small[:gray[{plain(check.todo)}]]" if check.todo else ""
    st.markdown(f"{_icon(check)} **{label}** {plain(check.detail)}{todo}")


_LABELS = {"gpu": "GPU", "fibo": "FIBO", "torch": "torch"}


@st.cache_data(ttl=60, show_spinner="Looking…")
def _checks(_settings: Settings, asks_services: bool) -> list[Check]:
    return examine(_settings, ask_services=asks_services)
