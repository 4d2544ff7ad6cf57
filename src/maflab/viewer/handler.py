"""Answers the page's requests: reads only, and only what is on its lists."""

import json
import logging
import re
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from importlib import resources
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from maflab.viewer.bodies import Bodies
from maflab.viewer.http_rules import requested_span, trusted_host
from maflab.viewer.manifest import manifest
from maflab.viewer.media import content_type
from maflab.viewer.result import Result

log = logging.getLogger(__name__)

_CHUNK = 1 << 16
_BINARY = "application/octet-stream"
_POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Site(NamedTuple):
    """All that is served. Requests name entries; they never become paths."""

    host: str
    pages: dict[str, Path]  # by their path, such as /viewer.js
    manifest: bytes
    faces: bytes  # (F, 3) uint32, little-endian
    bodies: Bodies
    result: Result


def site_of(result: Result, bodies: Bodies, host: str) -> Site:
    """Everything that does not change, made once."""
    folder = Path(str(resources.files("maflab") / "viewer" / "page"))
    pages = {f"/{path.name}": path for path in folder.iterdir() if path.suffix in (".html", ".js", ".css")}
    pages["/"] = pages.pop("/index.html")
    faces = bodies.body.faces.numpy().astype("<u4").tobytes()
    return Site(host, pages, json.dumps(manifest(result, bodies)).encode(), faces, bodies, result)


class Handler(BaseHTTPRequestHandler):
    """One connection. `site` is set by the server's own subclass."""

    site: Site
    protocol_version = "HTTP/1.1"
    server_version = "maflab"
    sys_version = ""
    timeout = 60

    def do_GET(self) -> None:
        """Answers with the body."""
        try:
            self._answer()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the page has moved on: a video that is scrubbed drops its requests

    do_HEAD = do_GET

    def refuse_method(self) -> None:
        """Answers whatever could change something."""
        self.close_connection = True  # what it wanted to send is left unread
        self._send(HTTPStatus.METHOD_NOT_ALLOWED, b"read only\n", "text/plain", Allow="GET, HEAD")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = refuse_method

    def log_message(self, format: str, *args: object) -> None:
        """Requests are of no interest to who looks at the page."""
        log.debug(format, *args)

    def _answer(self) -> None:
        if not trusted_host(self.headers.get("Host"), self.site.host):
            return self._refuse(HTTPStatus.FORBIDDEN, "this server is for its own machine")
        path = unquote(urlsplit(self.path).path)
        site = self.site
        if path in site.pages:
            return self._send_file(site.pages[path])
        if path == "/recording.json":
            return self._send(HTTPStatus.OK, site.manifest, "application/json")
        if path == "/faces":
            return self._send(HTTPStatus.OK, site.faces, _BINARY)
        if path == "/video" and site.result.media.kind == "video":
            return self._send_file(site.result.media.files[0])
        if (name := path.removeprefix("/files/")) in site.result.downloads:
            # Never opened in the browser: a file of a result is no page of this site.
            attachment = f"attachment; filename*=UTF-8''{quote(Path(name).name)}"
            return self._send_file(site.result.downloads[name], **{"Content-Disposition": attachment})
        if match := re.fullmatch(r"/pictures/(\d{1,9})", path):
            return self._send_picture(int(match.group(1)))
        if match := re.fullmatch(r"/bodies/(\d{1,9})/(\d{1,9})/(\d{1,9})", path):
            return self._send_block(*(int(number) for number in match.groups()))
        return self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _send_picture(self, frame: int) -> None:
        media = self.site.result.media
        if media.kind != "pictures" or frame >= len(media.files):
            return self._refuse(HTTPStatus.NOT_FOUND, "there is no such picture")
        return self._send_file(media.files[frame])

    def _send_block(self, track: int, stage: int, block: int) -> None:
        try:
            content = self.site.bodies.block(track, stage, block)
        except IndexError as error:
            return self._refuse(HTTPStatus.NOT_FOUND, str(error))
        return self._send(HTTPStatus.OK, content, _BINARY)

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self._send(status, f"{reason}\n".encode(), "text/plain")

    def _send(self, status: HTTPStatus, content: bytes, kind: str, **headers: str) -> None:
        self._head(status, len(content), kind, headers)
        self._body([content])

    def _send_file(self, path: Path, **headers: str) -> None:
        try:
            file = path.open("rb")
        except OSError:
            return self._refuse(HTTPStatus.NOT_FOUND, "the file is not there any more")
        with file:
            size = path.stat().st_size
            try:
                span = requested_span(self.headers.get("Range"), size)
            except ValueError:
                unsatisfied = {"Content-Range": f"bytes */{size}"}
                return self._send(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", "text/plain", **unsatisfied)
            status, first, count = HTTPStatus.OK, 0, size
            headers["Accept-Ranges"] = "bytes"
            if span is not None:
                status, (first, count) = HTTPStatus.PARTIAL_CONTENT, span
                headers["Content-Range"] = f"bytes {first}-{first + count - 1}/{size}"
            self._head(status, count, content_type(path), headers)
            file.seek(first)
            left = iter(range(count, 0, -_CHUNK))
            self._body(file.read(min(_CHUNK, rest)) for rest in left)

    def _head(self, status: HTTPStatus, length: int, kind: str, headers: dict[str, str]) -> None:
        text = kind in ("text/html", "text/javascript", "text/css", "text/plain", "application/json")
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if text else kind)
        self.send_header("Content-Length", str(length))
        for name, value in (_HEADERS | headers).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _body(self, chunks: Iterable[bytes]) -> None:
        if self.command == "HEAD":
            return
        for chunk in chunks:
            self.wfile.write(chunk)
