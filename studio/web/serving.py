"""Between `serve` and Streamlit: what Streamlit is told, and the port that a set-up page may still hold."""

import importlib
import os
import signal
import time

from fibo_core.limits import BYTES_MAX
from fibo_core.settings import Settings
from studio.pod.doctor import port_trouble

#: The process id of scripts/setup_page.py, set by scripts/entrypoint.sh.
SETUP_PAGE = "STUDIO_SETUP_PAGE"
#: Most of what the server imports before it listens: a second, or several from a pod's network volume.
SLOW_IMPORTS = (
    "streamlit.web.cli",
    "streamlit.web.bootstrap",
    "streamlit.web.server.starlette.starlette_app",
    "streamlit.web.server.starlette.starlette_server",
    "uvicorn.protocols.websockets.auto",
    "studio.web.connections",
    "studio.pod.downloads",
    "studio.web.routes",
    "studio.web.security",
)
PATIENCE_S = 5.0  #: for a page that was told to end


def pod_addresses(settings: Settings) -> list[str]:
    """Where a browser reaches a pod's studio from outside: RunPod's proxy, and the mapped TCP port where asked for."""
    if settings.pod is None:
        return []
    proxied = f"https://{settings.pod.proxied_host(settings.studio_port)}"
    return [proxied, *filter(None, [settings.pod.direct_address])]


def ssh_tunnel(settings: Settings) -> str:
    """The command, for the user's own machine, that brings a pod's studio there without RunPod's proxy.

    "" where the pod maps no port 22.
    """
    if settings.pod is None or not settings.pod.ssh_address:
        return ""
    return f"ssh -L {settings.studio_port}:127.0.0.1:{settings.studio_port} {settings.pod.ssh_address}"


def streamlit_flags(settings: Settings) -> list[str]:
    """Options of `streamlit run`.

    A proxy may rewrite the Host header, so pages from the pod's exact addresses are let in, and from no other one.
    `browser.serverAddress` is looked at before Streamlit asks an outside service for this machine's address.
    """
    flags = [
        ("server.address", settings.studio_host),
        ("server.port", settings.studio_port),
        ("server.maxUploadSize", BYTES_MAX // 2**20),
        ("logger.hideWelcomeMessage", "true"),
    ]
    if settings.pod is not None:
        flags.append(("browser.serverAddress", settings.pod.proxied_host(settings.studio_port)))
    flags += [("server.corsAllowedOrigins", address) for address in pod_addresses(settings)]
    return [f"--{name}={value}" for name, value in flags]


def end_setup_page(host: str, port: int) -> None:
    """Ends the page that shows a container's set-up, if there is one, and returns when its port is free.

    What the server needs is imported before, so that nobody listens for a moment only.
    """
    page = os.environ.pop(SETUP_PAGE, "")
    if not page.isdecimal():
        return
    for name in SLOW_IMPORTS:
        importlib.import_module(name)

    try:
        os.kill(int(page), signal.SIGTERM)
    except ProcessLookupError:
        return  # it could not listen, or has ended
    deadline = time.monotonic() + PATIENCE_S
    while port_trouble(host, port) and time.monotonic() < deadline:
        time.sleep(0.005)
