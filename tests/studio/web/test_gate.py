"""The gate, as whoever knows a pod's address meets it: a real server, asked over http and by socket."""

import asyncio
import http.client
import json
import re
import stat
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from starlette.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from studio.pod.idle import Activity
from studio.web.attempts import FREE_TRIES, LONGEST_WAIT_S, ONE_MORE_S, TRIES_OF_ALL, Attempts
from studio.web.gate import Gate
from studio.web.passwords import SESSION_S, Login
from studio.web.security import is_foreign, local_target
from tests.studio.processes import Server, add_picture, opened, served

PASSWORD = "a häppy rabbit runs"
BEARER = {"Authorization": f"Bearer {PASSWORD}".encode()}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
UPLOAD = "/_stcore/upload_file/01234567-89ab-cdef-0123-456789abcdef/file"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: dict[str, str]  #: by name, with their flags


def ask(server: Server, path: str, headers: Any = None, method: str = "GET", body: str | None = None) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path, body, dict(headers or {}))
    got = connection.getresponse()
    cookies = {each.partition("=")[0]: each for each in got.headers.get_all("set-cookie", [])}
    answer = Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read(), cookies)
    connection.close()
    return answer


def try_password(server: Server, password: str, next: str = "/", **headers: str) -> Answer:
    form = urlencode({"password": password, "next": next})
    return ask(server, "/login", FORM | {key.replace("_", "-"): value for key, value in headers.items()}, "POST", form)


def log_in(server: Server) -> dict[str, str]:
    """The header that a browser sends once it has logged in."""
    answer = try_password(server, PASSWORD)
    assert answer.status == 303
    return as_sent(answer.cookies["fibo-studio"])


def as_sent(cookie: str) -> dict[str, str]:
    """The header by which a browser sends a cookie back."""
    return {"Cookie": cookie.partition(";")[0]}


def open_socket(server: Server, headers: Any = None, origin: str | None = "self") -> ClientConnection:
    """Streamlit's own socket, opened as a page of ``origin`` does."""
    own = f"http://127.0.0.1:{server.port}"
    return connect(
        f"ws://127.0.0.1:{server.port}/_stcore/stream",
        origin=own if origin == "self" else origin,  # type: ignore[arg-type]
        additional_headers=headers or {},
        subprotocols=["streamlit"],  # type: ignore[list-item]
        open_timeout=30,
    )


def close_code(socket: ClientConnection) -> int | None:
    """With which code the server closes it, whatever it says before."""
    try:
        while True:
            socket.recv(timeout=30)
    except ConnectionClosed:
        return socket.close_code


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server with a password, and the id of its one picture."""
    workspace = tmp_path_factory.mktemp("gated") / "workspace"
    workspace.mkdir()
    with opened(workspace) as (_, history):
        picture = add_picture(history, "a red ball")
    with served(workspace, STUDIO_PASSWORD=PASSWORD) as server:
        yield server, picture.id


@pytest.fixture
def server(studio: tuple[Server, str]) -> Server:
    return studio[0]


def bad_cookies(server: Server) -> dict[str, dict[str, str]]:
    """What somebody may send who has no login."""
    workspace = server.log.parent / "workspace"
    key = (workspace / ".login" / "key").read_bytes().strip()
    good = log_in(server)["Cookie"].removeprefix("fibo-studio=")

    def cookie(password: str, key: bytes, at: float | None = None) -> str:
        more = {} if at is None else {"clock": lambda: at}
        return Login(password, key, folder=workspace / "nowhere", **more).begin()[1]  # type: ignore[arg-type]

    cookies = {
        "none": "",
        "nonsense": "x",
        "empty parts": "..-.-",
        "not ASCII": "\xe9.\xe9",
        "forged": cookie(PASSWORD, b"another key"),
        "of another password": cookie("what it was before", key),
        "old": cookie(PASSWORD, key, at=1_700_000_000),
        "prolonged": re.sub(r"-(\d+)", lambda found: f"-{int(found[1]) + 1}", good),
        "cut": good[:-1],
        "lengthened": good + "A",
    }
    return {name: {"Cookie": f"fibo-studio={value}"} if value else {} for name, value in cookies.items()}


def test_every_address_asks_for_a_login_whatever_cookie_is_sent(studio):
    """Pages, pictures, uploads, media, components, unknown ones; by every method; without a cookie, with a bad one."""
    server, id = studio
    paths = [
        *("/", "/history", "/generate", "/system?x=/health", "/nothing", "/api/v1/generations"),
        *(f"/img/{id}.png", f"/img/{id}.json", f"/img/thumb/{id}.webp", "/img/examples/star.webp"),
        *("/_stcore/host-config", "/_stcore/metrics", UPLOAD, "/media/x.png", "/static/x.js", "/index.html"),
        *("/component/streamlit_ace/index.html", "/_stcore/bidi-components/x", "/auth/login", "/login/", "/healthz"),
    ]
    for name, cookie in bad_cookies(server).items():
        for path in paths if name in ("none", "old", "forged") else paths[:1]:
            answer = ask(server, path, cookie)
            assert (answer.status, answer.headers["cache-control"]) == (401, "no-store"), (name, path)
            assert answer.headers.get("set-cookie") is None
    for method in ("HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
        for path in ("/", f"/img/{id}.png", UPLOAD):
            assert ask(server, path, method=method).status == 401, (method, path)
    assert ask(server, "/", {"Authorization": "Basic eDp5"}).status == 401


def test_only_health_and_the_login_are_open_and_only_written_exactly_so(studio):
    """No spelling of an open path leads anywhere else, and none of another path counts as open."""
    server, id = studio
    assert ask(server, "/health").status == ask(server, "/_stcore/health").status == 200
    assert ask(server, "/login").status == ask(server, "/login", method="HEAD").status == 200
    for path in [
        *("//health", "/health/", "/HEALTH", "/health;x", "/%68ealth", "/health%2f", "/health%00", "/./health"),
        *(f"/health/../img/{id}.png", f"/health/%2e%2e/img/{id}.png", f"/health;/../img/{id}.png"),
        *(f"/login/../img/{id}.png", f"/_stcore/health/../../img/{id}.png", f"/%69mg/{id}.png", f"//img/{id}.png"),
        *(f"http://127.0.0.1:{server.port}/health", "/login%3f", "/%6cogin", "/logIn", "/_stcore//health"),
    ]:
        answer = ask(server, path)
        assert answer.status in (400, 401), path
        assert b"PNG" not in answer.body


def test_a_login_opens_everything(studio):
    """Pages, pictures and the socket; by cookie, or with the password as a program's key."""
    server, id = studio
    for headers in (log_in(server), BEARER):
        assert b"<html" in ask(server, "/", headers).body
        assert ask(server, f"/img/{id}.png", headers).status == 200
        assert ask(server, "/_stcore/host-config", headers).status == 200
        with open_socket(server, {name: as_text(value) for name, value in headers.items()}) as socket:
            assert socket.subprotocol == "streamlit"


def as_text(value: "str | bytes") -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def test_the_socket_asks_for_a_login_and_for_our_own_page(server):
    """Refused before it is accepted: without a cookie, with a bad one, and from another site with a good one."""
    for name, cookie in bad_cookies(server).items():
        if name == "not ASCII":
            continue  # the client does not send it
        with pytest.raises(InvalidStatus) as refused, open_socket(server, cookie):
            pass
        assert refused.value.response.status_code == 403, name
    good = log_in(server)
    for origin in ("https://elsewhere.example", "https://other-7860.proxy.runpod.net", "null", "http://127.0.0.1"):
        with pytest.raises(InvalidStatus), open_socket(server, good, origin):
            pass
    with open_socket(server, good, origin=None), open_socket(server, good):  # a program; a page
        pass


def test_a_browser_is_led_to_the_login_and_back(server):
    """Only where a page is wanted: pictures and programs get a 401 they can read."""
    wants_page = {"Accept": "text/html,application/xhtml+xml"}
    answer = ask(server, "/history?q=red%20ball", wants_page)
    assert (answer.status, answer.headers["location"]) == (303, "/login?next=/history%3Fq%3Dred%2520ball")
    page = ask(server, answer.headers["location"])
    assert b'name="next" value="/history?q=red%20ball"' in page.body
    assert "default-src 'none'" in page.headers["content-security-policy"]
    answer = try_password(server, PASSWORD, "/history?q=red%20ball")
    assert (answer.status, answer.headers["location"]) == (303, "/history?q=red%20ball")
    cookie = as_sent(answer.cookies["fibo-studio"])
    assert ask(server, "/login?next=/system", cookie).headers["location"] == "/system", "who is in need not log in"

    answer = ask(server, "/img/x.png", {"Accept": "image/webp,*/*"})
    assert (answer.status, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(server):
    """HttpOnly, SameSite; behind https also Secure, under a name that only this very host can set."""
    plain = try_password(server, PASSWORD).cookies
    assert [*plain] == ["fibo-studio-browser", "fibo-studio"]
    assert f"Max-Age={SESSION_S:.0f}" in plain["fibo-studio"].split("; ")
    secure = try_password(server, PASSWORD, X_Forwarded_Proto="https").cookies
    assert [*secure] == ["__Host-fibo-studio-browser", "__Host-fibo-studio"]
    for cookie in (*plain.values(), *secure.values()):
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
        assert ("Secure" in cookie) == cookie.startswith("__Host-")
        assert "Domain" not in cookie


@pytest.mark.parametrize(
    "target",
    [
        *("//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "\\\\elsewhere.example"),
        *("/%09/elsewhere.example\t", "/\t/elsewhere.example", "/\n/elsewhere.example", "javascript:alert(1)"),
        *("/.//elsewhere.example", "/..//elsewhere.example", "/x//elsewhere.example", "elsewhere", "", "/login"),
        *("/\r\nSet-Cookie: x=y", '/"><script>', "/@elsewhere.example", "/%2f%2felsewhere.example", "/?x=\\y", "/é"),
        *("/logout", "/" + "x" * 3000, " /history", "/history\x00"),
    ],
)
def test_the_login_leads_nowhere_else(server, target):
    """Whatever is asked for as the page to go to next, it is the first one unless it is plainly ours."""
    assert local_target(target) == "/"
    answer = try_password(server, PASSWORD, target)
    assert (answer.status, answer.headers["location"]) == (303, "/")
    page = ask(server, "/login?" + urlencode({"next": target}))
    assert b'name="next" value="/"' in page.body


def test_our_own_pages_are_where_a_login_may_lead():
    for target in ("/", "/history", "/?job=01X", "/img/01X.png?download=1", "/history?q=a%2Fb&m=%22"):
        assert local_target(target) == target


def test_another_sites_page_can_do_nothing_in_its_visitors_name(server):
    """Log in, log out, upload, delete: refused with a good cookie, for another pod of the same provider too."""
    good = log_in(server)
    for headers in (
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{server.port}", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://other-7860.proxy.runpod.net", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        for method, path in (("POST", "/login"), ("POST", "/logout"), ("PUT", UPLOAD), ("DELETE", UPLOAD)):
            assert ask(server, path, good | FORM | headers, method, f"password={PASSWORD}").status == 403, headers
    assert ask(server, "/", good).status == 200, "nobody was logged out"
    own = {"Origin": f"http://127.0.0.1:{server.port}"}
    assert ask(server, "/login", FORM | own, "POST", urlencode({"password": PASSWORD})).status == 303


def test_a_page_behind_a_proxy_that_renames_us_is_still_ours():
    """The pod's own address counts, and so does what the browser says of itself; its neighbours' do not."""
    own = "abc-7860.proxy.runpod.net"
    renamed = {"host": "10.0.0.7:7860", "origin": f"https://{own}"}
    assert is_foreign(Headers(renamed))
    assert not is_foreign(Headers(renamed), [own])
    assert not is_foreign(Headers(renamed | {"sec-fetch-site": "same-origin"}))
    assert is_foreign(Headers(renamed | {"origin": "https://xyz-7860.proxy.runpod.net"}), [own])
    assert is_foreign(Headers(renamed | {"sec-fetch-site": "same-site"}), [own])
    assert is_foreign(Headers({"host": "x", "origin": "http://["}))


def test_logging_out_ends_the_cookie_its_copies_and_its_open_sockets(server):
    """Another browser's login stays, and so does the server."""
    mine, other = log_in(server), log_in(server)
    with open_socket(server, mine) as socket, open_socket(server, other) as others:
        answer = ask(server, "/logout", mine, "POST")
        assert (answer.status, answer.headers["location"]) == (303, "/login")
        assert re.search(r'fibo-studio="?"?;.*Max-Age=0', answer.headers["set-cookie"])
        assert close_code(socket) == 1008
        others.ping().wait(30)
    assert ask(server, "/", mine).status == 401
    assert ask(server, "/", other).status == 200
    assert ask(server, "/logout", other).status == 405, "a link, or a picture's address, logs nobody out"
    assert ask(server, "/", other).status == 200


def test_a_page_whose_login_is_over_is_told_what_to_do(server):
    """Streamlit shows the answer to this address where it is JSON, and only a status where it is not."""
    answer = ask(server, "/_stcore/host-config")
    assert (answer.status, json.loads(answer.body)) == (401, "Reload this page to log in again.")


def test_no_other_site_may_show_what_it_gets_with_its_visitors_cookie(server):
    """Not even another pod of the same provider, whose pages browsers count as the same site."""
    for path in ("/", "/login", "/img/examples/star.webp", "/_stcore/host-config"):
        assert ask(server, path, log_in(server)).headers["cross-origin-resource-policy"] == "same-origin", path


def test_a_space_pasted_with_the_password_does_no_harm(server):
    """The environment's value is taken without those around it, too."""
    assert try_password(server, f" {PASSWORD}\t").status == 303
    assert ask(server, "/", {"Authorization": f"Bearer   {PASSWORD} ".encode()}).status == 200


def test_an_accent_may_be_typed_either_way(server):
    """An ä is one character on most keyboards and two from a Mac's file names: both are the password."""
    decomposed = unicodedata.normalize("NFD", PASSWORD)
    assert decomposed != PASSWORD
    assert try_password(server, decomposed).status == 303
    assert ask(server, "/", {"Authorization": f"Bearer {decomposed}".encode()}).status == 200
    assert Login(decomposed, b"key", folder=Path()).is_password(PASSWORD.encode())
    assert not Login(decomposed, b"key", folder=Path()).is_password(b"a happy rabbit runs")


def test_an_empty_password_is_no_guess(server):
    """A program whose variable is not set makes nobody wait."""
    forwarded = {"X-Forwarded-For": "192.0.2.99"}
    for _ in range(FREE_TRIES):
        assert ask(server, "/", {"Authorization": "Bearer ", **forwarded}).status == 401
        assert ask(server, "/", {"Authorization": "Bearer", **forwarded}).status == 401
        assert try_password(server, "  ", X_Forwarded_For="192.0.2.99").status == 401
    assert try_password(server, PASSWORD, X_Forwarded_For="192.0.2.99").status == 303


def test_a_socket_is_closed_when_its_sessions_time_is_up(server):
    """A tab left open does not outlive its cookie."""
    workspace = server.log.parent / "workspace"
    key = (workspace / ".login" / "key").read_bytes().strip()
    nearly_over = Login(PASSWORD, key, folder=workspace / "nowhere", clock=lambda: time.time() - SESSION_S + 3)
    with open_socket(server, {"Cookie": f"fibo-studio={nearly_over.begin()[1]}"}) as socket:
        assert close_code(socket) == 1008


def test_what_is_no_login_form_is_refused(server):
    """Too large, too many fields, not a form: an answer, and no attempt that counts."""
    assert ask(server, "/login", FORM, "POST", "password=" + "x" * 20_000).status == 413
    assert ask(server, "/login", FORM, "POST", "a=&" * 50).status == 413
    assert ask(server, "/login", method="DELETE").status == 405


def test_guessing_is_made_slow_and_forged_addresses_do_not_help(tmp_path: Path):
    """After five wrong ones an address waits, and the right one waits with it; with ever new addresses all wait.
    Who is logged in notices nothing, and a browser that was is let in, wherever it is: guessers lock nobody out."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with served(workspace, STUDIO_PASSWORD=PASSWORD, LOG_LEVEL="DEBUG") as server:
        answer = try_password(server, PASSWORD, X_Forwarded_For="192.0.2.7")
        good, browser = (as_sent(answer.cookies[name]) for name in ("fibo-studio", "fibo-studio-browser"))
        for n in range(FREE_TRIES):
            assert try_password(server, f"guess {n}", X_Forwarded_For="203.0.113.5").status == 401
        told = try_password(server, PASSWORD, X_Forwarded_For="203.0.113.5")
        assert (told.status, b"Try again in" in told.body) == (429, True)
        assert int(told.headers["retry-after"]) >= 1
        assert ask(server, "/", BEARER | {"X-Forwarded-For": "203.0.113.5"}).status == 429

        statuses = [
            ask(server, "/", {"Authorization": "Bearer x", "X-Forwarded-For": f"198.51.100.{n}"}).status
            for n in range(TRIES_OF_ALL + 5)
        ]
        assert statuses.count(401) < TRIES_OF_ALL
        assert statuses[-1] == 429
        assert ask(server, "/", good).status == 200

        guesser = {"X_Forwarded_For": "203.0.113.5"}  # where it must wait, and all new addresses must
        assert try_password(server, PASSWORD, **guesser, Cookie="fibo-studio-browser=forged.x").status == 429
        assert ask(server, "/", browser).status == 401, "it is no login"
        assert try_password(server, PASSWORD, **guesser, **browser).status == 303
        for n in range(FREE_TRIES):
            assert try_password(server, f"guess {n}", **guesser, **browser).status == 401
        assert try_password(server, PASSWORD, **guesser, **browser).status == 429, "its own guesses count"
        log = server.log.read_text()
        assert "wrong password was given, from 203.0.113.5" in log
        for secret in (PASSWORD, "guess 1", good["Cookie"].partition("=")[2], browser["Cookie"].partition("=")[2]):
            assert secret not in log


def drawn_password(server: Server) -> str:
    (drawn,) = re.findall(r"asks for (\S+)", server.log.read_text())
    return str(drawn)


def logged(workspace: Path) -> str:
    """All that the studio's own log files hold."""
    return "".join(path.read_text() for path in (workspace / "logs").glob("*.log"))


@pytest.mark.slow
def test_a_drawn_password_is_printed_at_each_start_and_kept_for_its_owner_alone(tmp_path: Path):
    """Where others can reach the studio and no password is set. Not in our log files; cookies outlive a restart, not
    another password."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    to_log = {"IDLE_STOP_MINUTES": "30"}  # what the first line in the log files is about
    with served(workspace, STUDIO_HOST="127.1", **to_log) as server:  # 127.0.0.1, by a name that counts as a public one
        drawn = drawn_password(server)
        assert len(drawn) == 19
        assert ask(server, "/").status == 401
        answer = try_password(server, drawn)
        assert answer.status == 303
        cookie = as_sent(answer.cookies["fibo-studio"])
        server.wait_for(lambda _: "IDLE_STOP_MINUTES" in logged(workspace))
    kept = sorted((workspace / ".login").iterdir())
    assert [path.name for path in kept] == ["key", "password"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert drawn not in logged(workspace)

    with served(workspace, STUDIO_HOST="127.1") as server:
        assert drawn_password(server) == drawn
        assert ask(server, "/", cookie).status == 200
        assert ask(server, "/logout", cookie, "POST").status == 303
    with served(workspace, STUDIO_HOST="127.1") as server:
        assert ask(server, "/", cookie).status == 401, "logged out stays logged out"
        other = as_sent(try_password(server, drawn).cookies["fibo-studio"])
    with served(workspace, STUDIO_HOST="127.1", STUDIO_PASSWORD=PASSWORD) as server:
        assert ask(server, "/", other).status == 401
        assert "asks for" not in server.log.read_text()


def test_without_a_login_only_this_machines_names_and_pages_are_answered(tmp_path: Path):
    """A name that somebody's own server points to this machine (DNS rebinding) gets nothing, nor does a socket."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with served(workspace) as server:
        assert ask(server, "/").status == ask(server, "/", {"Host": f"localhost:{server.port}"}).status == 200
        assert ask(server, "/login").status == 200, "no login: that is a page like any other"
        refused = ask(server, "/", {"Host": "rebound.example:7860"})
        assert (refused.status, b"STUDIO_PASSWORD" in refused.body) == (403, True)
        assert ask(server, "/health", {"Host": "rebound.example:7860"}).status == 200
        assert ask(server, UPLOAD, {"Origin": "https://elsewhere.example"}, "PUT").status == 403
        with pytest.raises(InvalidStatus), open_socket(server, origin="https://elsewhere.example"):
            pass
        with open_socket(server):
            pass


def test_a_login_that_cannot_be_kept_holds_while_the_process_lives(tmp_path: Path, read_only):
    """A read-only workspace: the gate stands all the same, and the log says what a restart will cost."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with served(workspace, STUDIO_HOST="127.1", before=read_only(workspace)) as server:
        assert ask(server, "/").status == 401
        cookie = as_sent(try_password(server, drawn_password(server)).cookies["fibo-studio"])
        assert ask(server, "/", cookie).status == 200
        assert "The login could not be written" in server.log.read_text()


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_waits_grow_with_each_failure_and_end():
    """Doubled up to a quarter of an hour; a day of peace, and an address begins anew."""
    clock = Clock()
    attempts = Attempts(clock)
    waits = []
    for _ in range(FREE_TRIES + 12):
        attempts.failed("203.0.113.5")
        clock.now += 1e-6
        waits.append(attempts.wait_s("203.0.113.5"))
        assert attempts.wait_s("203.0.113.6") < 2, "another address does not wait with it"
        clock.now += waits[-1] + ONE_MORE_S
        assert attempts.wait_s("203.0.113.5") == 0
    assert waits[: FREE_TRIES - 1] == [0] * (FREE_TRIES - 1)
    assert [round(wait) for wait in waits[FREE_TRIES - 1 : FREE_TRIES + 4]] == [2, 4, 8, 16, 32]
    assert round(waits[-1]) == LONGEST_WAIT_S
    clock.now += 25 * 3600
    attempts.failed("198.51.100.1")
    attempts.failed("203.0.113.5")
    assert attempts.wait_s("203.0.113.5") == 0


def test_all_together_have_so_many_tries_and_known_addresses_only_their_own():
    """A botnet, or a liar about addresses, cannot lock the owner out of an address that was logged in from."""
    clock = Clock()
    attempts = Attempts(clock)
    attempts.known("192.0.2.1")
    for n in range(TRIES_OF_ALL):
        assert attempts.wait_s(f"203.0.113.{n}") == 0
        attempts.failed(f"203.0.113.{n}")
    assert 0 < attempts.wait_s("198.51.100.1") <= ONE_MORE_S
    assert attempts.wait_s("192.0.2.1") == 0
    for _ in range(FREE_TRIES):
        attempts.failed("192.0.2.1")
        attempts.known("192.0.2.1")
    assert attempts.wait_s("192.0.2.1") > 1, "a right password in between does not buy new guesses"
    clock.now += ONE_MORE_S + 0.1
    assert attempts.wait_s("198.51.100.1") == 0
    attempts.failed("198.51.100.1")
    assert attempts.wait_s("198.51.100.2") > 0


def test_what_is_remembered_of_guessers_stays_small():
    """A day of ever new addresses, each refused by the limit for all or counted; the day after, nothing is left."""
    clock = Clock()
    attempts = Attempts(clock)
    for n in range(24 * 3600 // 5):
        clock.now += 5
        if not attempts.wait_s(f"198.51.{n >> 8}.{n & 255}"):
            attempts.failed(f"198.51.{n >> 8}.{n & 255}")
    assert TRIES_OF_ALL <= attempts.remembered <= TRIES_OF_ALL + 24 * 3600 / ONE_MORE_S
    clock.now += 24 * 3600
    attempts.failed("203.0.113.1")
    assert attempts.remembered == 1


def test_who_gives_the_right_password_every_day_stays_known():
    """A program, say: a botnet's guesses are not held against it in its second week either."""
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(10):
        attempts.known("192.0.2.1")
        clock.now += 23 * 3600
        attempts.failed("198.51.100.1")
    for n in range(TRIES_OF_ALL):
        attempts.failed(f"203.0.113.{n}")
    assert attempts.wait_s("198.51.100.7") > 0
    assert attempts.wait_s("192.0.2.1") == 0


def test_a_whole_ipv6_line_counts_as_one_address():
    attempts = Attempts(Clock())
    for n in range(FREE_TRIES):
        attempts.failed(f"2001:db8:0:1::{n}")
    assert attempts.wait_s("2001:db8:0:1:ffff::1") > 0
    assert attempts.wait_s("2001:db8:0:2::1") == 0


@pytest.mark.parametrize(
    ("behind_cloudflare", "header", "counted"),
    [(True, "203.0.113.9", "203.0.113.9"), (True, "nonsense", "100.64.0.1"), (False, "203.0.113.9", "100.64.0.1")],
)
def test_only_on_a_pod_is_cloudflares_word_taken_for_who_asks(tmp_path: Path, behind_cloudflare, header, counted):
    """Elsewhere nobody sets that header but the guesser himself."""
    failed: list[str] = []

    class Noted(Attempts):
        def failed(self, who: str) -> None:
            failed.append(who)

    gate = Gate(
        nothing_behind,
        login=Login(PASSWORD, b"key", folder=tmp_path),
        activity=Activity(),
        attempts=Noted(),
        behind_cloudflare=behind_cloudflare,
    )
    headers = [(b"authorization", b"Bearer x"), (b"cf-connecting-ip", header.encode()), (b"host", b"x")]
    sent: list[Any] = []
    scope = {
        "type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"",
        "headers": headers, "client": ("100.64.0.1", 1), "scheme": "http",
    }  # fmt: skip

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(gate(scope, nothing_more, send))
    assert sent[0]["status"] == 401
    assert failed == [counted]


async def nothing_behind(*_: Any) -> None:
    raise AssertionError("the gate let it pass")


async def nothing_more() -> Any:
    return {"type": "http.request", "body": b""}


def test_a_page_that_follows_its_batches_by_itself_keeps_no_pod_running(tmp_path: Path) -> None:
    """A forgotten tab asks every few seconds; only what somebody does is use."""
    used: list[str] = []

    class Noted(Activity):
        def mark_used(self) -> None:
            used.append("used")

    async def behind(*_: Any) -> None:
        pass

    gate = Gate(behind, login=Login(PASSWORD, b"key", folder=tmp_path), activity=Noted())

    async def send(message: Any) -> None:
        pass

    for path in ("/desk.json", "/"):
        headers = [(b"authorization", f"Bearer {PASSWORD}".encode()), (b"host", b"x")]
        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"batch=x",
            "headers": headers, "client": ("100.64.0.1", 1), "scheme": "http",
        }  # fmt: skip
        asyncio.run(gate(scope, nothing_more, send))
        assert len(used) == (path == "/")
