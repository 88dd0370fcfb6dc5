"""What stands on every page: its name, the one line that never lies, what is being painted, the first visit's note."""

import streamlit as st

from fibo_core.engine import EngineStatus
from fibo_core.models.catalogue import CATALOGUE, WeightsSpec
from fibo_core.models.device import has_cuda_gpu, lacks_for
from fibo_core.work.jobs import JobQueue
from fibo_core.work.runtime import Runtime
from studio.pod.downloads import Fetch
from studio.pod.idle import IdleStop
from studio.shell import get_shell
from studio.ui.components import asset
from studio.ui.components.focus import focus
from studio.ui.components.keys import keys
from studio.ui.components.queue_bar import queue_bar
from studio.ui.navigation import SYSTEM
from studio.ui.preferences import dismiss_mini_note, mini_note_dismissed
from studio.ui.session import errors_shown
from studio.ui.state import begin_fills
from studio.ui.words import duration, plain
from studio.web.gate import COOKIE, HOST_PREFIX

LOADING_POLL_S, QUIET_POLL_S = 2.0, 10.0

_LOG_OUT = st.components.v2.component(
    "fibo_log_out",
    html="<form method='post' action='/logout'><button>Log out</button></form>",
    css=asset("log_out.css"),
)


def styles() -> None:
    """The look of what Streamlit draws itself; before anything else, so that nothing is drawn twice."""
    st.html(f"<style>{asset('frame.css')}{asset('workbench.css')}</style>")


def frame(runtime: Runtime, title: str) -> None:
    """Draws the frame above a page; first of all, fills the form fields that the last run asked for."""
    begin_fills()
    shell = get_shell()
    st.session_state["model_seen"] = runtime.tools.engine.status().model  # what this run of the page is drawn for
    shell.activity.mark_used()  # a page is run when somebody does something; what merely polls is a fragment
    with st.container(key="frame_title"):
        st.title(title, anchor=False)
        focus(title)
    with st.container(key="frame_top", horizontal=True, vertical_alignment="center", gap="small"):
        loading = runtime.tools.engine.status().state in ("loading", "unloaded")
        st.fragment(_status, run_every=LOADING_POLL_S if loading else QUIET_POLL_S)(runtime)
        keys()
        if not {COOKIE, HOST_PREFIX + COOKIE}.isdisjoint(st.context.cookies):
            _LOG_OUT(key="log_out", width="content")
    queue_bar(runtime)
    with st.container(key="frame_lines", gap="small"):
        if shell.idle_stop is not None:
            _countdown(shell.idle_stop)
        _trouble(runtime.jobs)
        fetching = any(fetch.running for fetch in shell.downloads.going_or_failed)
        hurried = fetching or shell.model_in_use.awaited is not None
        st.fragment(_arrivals, run_every=LOADING_POLL_S if hurried else QUIET_POLL_S)(runtime)


@st.fragment(run_every=QUIET_POLL_S)
def _trouble(jobs: JobQueue) -> None:
    """Says why jobs are not begun, as long as they are not."""
    if (trouble := jobs.trouble) is not None:
        st.warning(plain(trouble), icon=":material/warning:")


@errors_shown()
def _status(runtime: Runtime) -> None:
    status = runtime.tools.engine.status()
    if status.model != st.session_state["model_seen"]:
        st.rerun()  # another model has its own shapes and steps
    icon, words = _state(status)
    queued = 0 if runtime.jobs.trouble else runtime.jobs.counts()["queued"]  # what is amiss is said once, below
    waiting = f" · {queued} in the queue" if queued else ""
    device = f" · {status.device}" if status.device else ""
    label = f"{CATALOGUE[status.model].title}{device} · {words}{waiting}"
    st.page_link(str(SYSTEM), label=label, icon=icon, width="content", help=status.error or "Open System")


@st.fragment(run_every=QUIET_POLL_S)
def _countdown(idle: IdleStop) -> None:
    """Says that the pod is about to stop, where it is: in a tab that was open, and unused, for hours."""
    if not idle.is_near:
        return
    left = duration(max(QUIET_POLL_S, idle.left_s()))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.warning(
            f"Nobody has used the studio for hours: the pod stops in about {left}. What is stored stays; a stopped "
            "pod still costs its disk.",
            icon=":material/timer:",
        )
        st.button("Keep running", key="keep_running", icon=":material/play_arrow:", on_click=idle.keep_running)


@errors_shown()
def _arrivals(runtime: Runtime) -> None:
    """A line for whatever is being fetched or did not come, and for a model that is here and does not paint yet."""
    in_use, status = get_shell().model_in_use, runtime.tools.engine.status()
    for fetch in get_shell().downloads.going_or_failed:
        if fetch.error:
            _warning_line(f"{fetch.spec.title} is not here: {fetch.error}")
        else:
            _download_line(f"{download_text(fetch)}{_meanwhile(fetch.spec, status)}")
    if in_use.awaited not in (None, status.model):
        title = CATALOGUE[in_use.awaited].title
        _download_line(f"{title} is here and takes over when the queue is empty.")
    if trouble := in_use.failure_to_report(status.model):
        _warning_line(trouble)


def _download_line(sentence: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":material/download: {plain(sentence)}", width="content")
        _link_to_system()


def _warning_line(sentence: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.warning(plain(sentence), icon=":material/error:")
        _link_to_system()


def _link_to_system() -> None:
    """Short, and beside the sentence: a long label would be cut off on a phone."""
    st.page_link(str(SYSTEM), label="System", icon=":material/monitor_heart:", width="content")


def download_text(fetch: Fetch) -> str:
    """How far a download is: "FIBO is being fetched, 41 %, about 6 min"."""
    event = fetch.event
    percent = "" if fetch.percent is None else f", {fetch.percent} %"
    if event is not None and event.wait_s is not None:
        percent += f": waiting {duration(event.wait_s)}, then it goes on ({event.reason})"
    elif event is not None and event.remaining_s is not None:
        percent += f", about {duration(event.remaining_s)}"
    return f"{fetch.spec.title} is being fetched{percent}"


def _meanwhile(spec: WeightsSpec, status: EngineStatus) -> str:
    """Who does the work until it is here."""
    if spec.name not in CATALOGUE:
        return "; the other writers write meanwhile"
    return "" if spec.name == status.model else f"; {CATALOGUE[status.model].title} paints meanwhile"


def _state(status: EngineStatus) -> tuple[str, str]:
    return {
        "ready": (":material/check_circle:", "ready"),
        "loading": (":material/hourglass_top:", "loading"),
        "unloaded": (":material/radio_button_unchecked:", "not loaded yet"),
        "failed": (":material/error:", "not available"),
    }[status.state]


def mini_note(runtime: Runtime) -> None:
    """What the first visit is told; it stands where running batches stand, and takes no place from the page."""
    if runtime.tools.engine.status().model != "mini" or mini_note_dismissed(runtime.settings.workspace_dir):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f"You are painting with mini, the small model that comes with the studio. {_way_to_fibo(runtime)}",
            width="content",
        )
        if st.button("Understood", type="tertiary", key="mini_note_read"):
            with errors_shown():
                dismiss_mini_note(runtime.settings.workspace_dir)
                st.rerun()


def _way_to_fibo(runtime: Runtime) -> str:
    """What stands between this machine and FIBO; "" where a line above says how far it is."""
    fibo = CATALOGUE["fibo"]
    if get_shell().downloads.get(fibo.name) is not None:
        return ""
    if has_cuda_gpu() and (lack := lacks_for(fibo)):
        return plain(lack)
    return f"{fibo.title} itself needs a GPU and a token: System shows how."
