"""What the server answers, to whom, and what it does not."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from maflab.body.model import BodyModel
from maflab.viewer.errors import ViewerError
from maflab.viewer.http_rules import requested_span, trusted_host
from maflab.viewer.result import open_result
from maflab.viewer.server import is_loopback, listening

from .serving import answering

CLOSED = ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT")


class Answer:
    """A response, read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


class Client:
    """Asks one server, exactly what it is told."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, path: str, method: str = "GET", host: str | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in ({"Host": host or f"127.0.0.1:{self.port}"} | headers).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = Answer(connection.getresponse())
        connection.close()
        return answer


@pytest.fixture(scope="module")
def ask(result_folder: Path, tiny_body: BodyModel) -> Iterator[Client]:
    with answering(open_result(result_folder), tiny_body) as server:
        yield Client(server.server_address[1])


def test_it_listens_on_loopback_alone(result_folder: Path, tiny_body: BodyModel) -> None:
    with listening(open_result(result_folder), tiny_body) as server:
        assert server.server_address[0] == "127.0.0.1"
        others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
        for address in others - {"127.0.0.1"}:
            with socket.socket() as client:
                assert client.connect_ex((address, server.server_address[1])) != 0
    assert is_loopback("127.0.0.1")
    assert is_loopback("localhost")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("example.org")


@pytest.mark.parametrize(
    "path", ["/", "/viewer.js", "/viewer.css", "/recording.json", "/faces", "/bodies/0/0/0", "/video"]
)
def test_head_is_get_without_its_body(ask: Client, path: str) -> None:
    full, head = ask(path), ask(path, "HEAD")
    assert (full.status, head.status) == (200, 200)
    assert head.body == b""
    assert int(head.headers["Content-Length"]) == int(full.headers["Content-Length"]) == len(full.body) > 0
    assert full.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in full.headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in full.headers


@pytest.mark.parametrize("method", CLOSED)
def test_nothing_can_be_written(ask: Client, method: str) -> None:
    answer = ask("/files/people.glb", method, **{"Content-Length": "0"})
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.json",
        "/files/../secret.json",
        "/files/..%2fsecret.json",
        "/files/%2e%2e/secret.json",
        "/files//etc/passwd",
        "/files/link.json",
        "/files/obj/0.obj",
        "/files/estimates/0.npz",
        "/files/bvh/../recording.npz",
        "/files/.hidden.npz",
        "/files/notes.exe",
        "/files/",
        "/page/viewer.js",
        "/..%5cviewer.js",
        "/handler.py",
        "/__init__.py",
        "/pictures/0",
        "//etc/passwd",
        "/index.html",
        "/bodies/0/0",
        "/bodies/-1/0/0",
        "/bodies/99/0/0",
        "/bodies/0/5/0",
        "/bodies/0/0/3",
        "/bodies/0/0/x",
        "/bodies/9999999999/0/0",
    ],
)
def test_only_what_is_on_the_list_is_there(ask: Client, path: str) -> None:
    answer = ask(path)
    assert answer.status == 404
    assert b"secret" not in answer.body


@pytest.mark.parametrize("host", ["localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:80", "192.168.1.5:8000"])
def test_addresses_are_trusted(ask: Client, host: str) -> None:
    assert ask("/", host=host).status == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:80", "127.0.0.1.nip.io", "a:b:c", "[::1"])
def test_foreign_names_are_not(ask: Client, host: str) -> None:
    answer = ask("/recording.json", host=host)
    assert answer.status == 403
    assert b"clip" not in answer.body


def test_a_name_that_was_asked_for_is_trusted() -> None:
    assert trusted_host("studio.lan:8765", "studio.lan")
    assert not trusted_host("studio.lan:8765", "127.0.0.1")
    assert not trusted_host(None, "127.0.0.1")


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=10-19", slice(10, 20)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=-999999999", slice(None)),
        ("bytes=5-999999999", slice(5, None)),
    ],
)
def test_ranges_of_the_video(ask: Client, result_folder: Path, header: str, part: slice) -> None:
    content = (result_folder.parent / "clip.mp4").read_bytes()
    answer = ask("/video", Range=header)
    assert answer.status == 206
    assert answer.body == content[part]
    first = part.indices(len(content))[0]
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.body) - 1}/{len(content)}"
    assert answer.headers["Content-Type"] == "video/mp4"
    assert ask("/video", "HEAD", Range=header).headers["Content-Length"] == str(len(answer.body))


def test_ranges_that_are_none(ask: Client, result_folder: Path) -> None:
    content = (result_folder.parent / "clip.mp4").read_bytes()
    for header in ("bytes=9-3", "bytes=0-1,4-5", "lines=1-2", "bytes=-", "nonsense"):
        answer = ask("/video", Range=header)
        assert (answer.status, answer.body) == (200, content)
        assert answer.headers["Accept-Ranges"] == "bytes"
    for header in (f"bytes={len(content)}-", "bytes=-0"):
        answer = ask("/video", Range=header)
        assert (answer.status, answer.body) == (416, b"")
        assert answer.headers["Content-Range"] == f"bytes */{len(content)}"


def test_spans_stay_inside_the_file() -> None:
    for size in (1, 5):
        for first in (*range(6), ""):
            for last in (*range(7), ""):
                try:
                    span = requested_span(f"bytes={first}-{last}", size)
                except ValueError:
                    continue
                if span is not None:
                    assert 0 <= span.first < span.first + span.length <= size


def test_downloads_are_offered_and_never_opened(ask: Client, result_folder: Path) -> None:
    offered = json.loads(ask("/recording.json").body)["downloads"]
    assert [entry["name"] for entry in offered] == ["people.glb", "recording.npz", "bvh/person 1 <b>.bvh"]
    for entry in offered:
        answer = ask("/files/" + quote(entry["name"], safe=""))
        assert answer.body == (result_folder / entry["name"]).read_bytes()
        assert len(answer.body) == entry["bytes"]
        name = quote(Path(entry["name"]).name)
        assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{name}"
    # A file that has gone since the start is no reason to fall over.
    (result_folder / "people.glb").rename(result_folder / "moved.glb")
    assert ask("/files/people.glb").status == 404
    (result_folder / "moved.glb").rename(result_folder / "people.glb")


def test_one_connection_serves_many_requests_and_a_dropped_one_harms_nobody(ask: Client) -> None:
    with socket.create_connection(("127.0.0.1", ask.port)) as dropped:
        dropped.sendall(f"GET /video HTTP/1.1\r\nHost: 127.0.0.1:{ask.port}\r\n\r\n".encode())
    connection = http.client.HTTPConnection("127.0.0.1", ask.port, timeout=20)
    for path in ("/", "/absent", "/recording.json", "/faces"):
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        assert response.status == (404 if path == "/absent" else 200)
    connection.close()


def test_a_port_in_use_is_said(result_folder: Path, tiny_body: BodyModel) -> None:
    result = open_result(result_folder)
    with (
        listening(result, tiny_body) as server,
        pytest.raises(ViewerError, match="cannot be had"),
        listening(result, tiny_body, port=server.server_address[1]),
    ):
        pass
    with pytest.raises(ViewerError, match="take another"), listening(result, tiny_body, port=99999):
        pass


def _hears_ctrl_c() -> None:
    """A shell lets what it runs in the background ignore SIGINT, and what that starts in turn ignores it too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_the_command_opens_a_browser_and_ends_with_ctrl_c(result_folder: Path, tmp_path: Path) -> None:
    """A process of its own: how Ctrl-C ends a test's own process depends on who runs the tests."""
    opened = tmp_path / "opened.txt"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >{opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o755)
    given = [sys.executable, "-m", "maflab.viewer", str(result_folder)]
    environment = os.environ | {"BROWSER": str(browser)}
    process = subprocess.Popen(
        given,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_hears_ctrl_c,
    )
    with process as run:
        try:
            until = time.monotonic() + 120
            while not opened.is_file():
                assert run.poll() is None, run.stdout and run.stdout.read()
                assert time.monotonic() < until, "no browser was opened"
                time.sleep(0.1)
            address = opened.read_text().strip()
            assert address.startswith("http://127.0.0.1:")
            assert b'<canvas id="space"' in Client(int(address.rstrip("/").rsplit(":", 1)[1]))("/").body
            run.send_signal(signal.SIGINT)
            said, _ = run.communicate(timeout=60)
        finally:
            run.kill()
    assert run.returncode == 0, said
    assert "http://127.0.0.1:" in said
    assert "has ended" in said
