"""What Streamlit is told by `serve`: on a pod, the exact addresses that browsers come by."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fibo_core import limits
from fibo_core.errors import SettingsError
from fibo_core.settings import Settings
from studio.web.serving import SETUP_PAGE, end_setup_page, pod_addresses, ssh_tunnel, streamlit_flags

CHECKOUT = Path(__file__).parents[3]
POD = {"RUNPOD_POD_ID": "abc123", "RUNPOD_PUBLIC_IP": "192.0.2.7", "RUNPOD_TCP_PORT_7860": "10042"}


def test_on_a_pod_its_proxy_and_nothing_wider_is_let_in() -> None:
    """The pod's own name, with the studio's port; a wildcard would let every other pod's page in."""
    settings = Settings.from_environ(POD)
    assert pod_addresses(settings) == ["https://abc123-7860.proxy.runpod.net"]
    assert streamlit_flags(settings)[4:] == [
        "--browser.serverAddress=abc123-7860.proxy.runpod.net",
        "--server.corsAllowedOrigins=https://abc123-7860.proxy.runpod.net",
    ]


def test_the_direct_address_is_there_where_it_is_asked_for_and_mapped() -> None:
    """It is plain HTTP, so nobody gets it unasked; where it is not mapped, that is said."""
    asked = POD | {"STUDIO_DIRECT_TCP": "on"}
    assert pod_addresses(Settings.from_environ(asked))[1:] == ["http://192.0.2.7:10042"]
    del asked["RUNPOD_TCP_PORT_7860"]
    settings = Settings.from_environ(asked)
    assert pod_addresses(settings)[1:] == []
    assert settings.warnings == ("STUDIO_DIRECT_TCP is on, and the pod maps no TCP port 7860. Expose 7860/tcp.",)
    with pytest.raises(SettingsError, match="STUDIO_DIRECT_TCP is 'yes'"):
        Settings.from_environ(POD | {"STUDIO_DIRECT_TCP": "yes"})


def test_the_ssh_tunnel_is_told_where_the_pod_maps_port_22() -> None:
    """Ready to be typed; on a pod without that port, and elsewhere, nothing is told that would not work."""
    mapped = POD | {"RUNPOD_TCP_PORT_22": "10022"}
    assert ssh_tunnel(Settings.from_environ(mapped)) == "ssh -L 7860:127.0.0.1:7860 root@192.0.2.7 -p 10022"
    assert ssh_tunnel(Settings.from_environ(mapped | {"STUDIO_PORT": "7000"})).startswith("ssh -L 7000:127.0.0.1:7000 ")
    assert ssh_tunnel(Settings.from_environ(POD)) == ""
    assert ssh_tunnel(Settings.from_environ({"RUNPOD_TCP_PORT_22": "10022", "RUNPOD_PUBLIC_IP": "192.0.2.7"})) == ""


def test_elsewhere_streamlit_is_told_address_and_port_alone() -> None:
    assert streamlit_flags(Settings.from_environ({})) == [
        "--server.address=127.0.0.1",
        "--server.port=7860",
        "--server.maxUploadSize=50",
        "--logger.hideWelcomeMessage=true",
    ]


def test_what_may_be_uploaded_may_be_opened_and_nothing_larger() -> None:
    """Streamlit is told the pages' own limit: no file is taken and then refused."""
    (said,) = [flag for flag in streamlit_flags(Settings.from_environ({})) if "maxUploadSize" in flag]
    assert int(said.partition("=")[2]) * 1024 * 1024 == limits.BYTES_MAX
    assert "maxUploadSize" not in (CHECKOUT / ".streamlit" / "config.toml").read_text("utf-8")


def test_the_set_up_page_has_let_go_of_the_port_when_the_studio_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is a process of its own; afterwards the port can be listened on, and nobody is told of it again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-I", CHECKOUT / "scripts" / "setup_page.py", "127.0.0.1", str(port), tmp_path / "steps"]
    with subprocess.Popen(command) as page:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=30).close()
                break
            except ConnectionRefusedError:
                assert page.poll() is None
        monkeypatch.setenv(SETUP_PAGE, str(page.pid))
        end_setup_page("127.0.0.1", port)
        with socket.socket() as mine:
            mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            mine.bind(("127.0.0.1", port))
    assert SETUP_PAGE not in os.environ
