"""Start the server of one result, on this machine alone unless told otherwise."""

import ipaddress
import logging
import os
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

from maflab.body.load import load_body
from maflab.body.model import BodyModel
from maflab.viewer.bodies import Bodies
from maflab.viewer.errors import ViewerError
from maflab.viewer.handler import Handler, site_of
from maflab.viewer.result import Result, open_result

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"


def serve(
    result: Path | str,
    *,
    port: int = 0,
    open_browser: bool = True,
    host: str = LOOPBACK,
    media: Path | str | None = None,
    body: BodyModel | None = None,
    body_folder: Path | str | None = None,
) -> None:
    """Show a result until Ctrl-C.

    Args:
        result: folder of demo.py, or a recording as .npz or .json.
        port: to listen on; 0: a free one.
        open_browser: whether the system's browser is sent there.
        host: address to listen on; anything but a loopback address lets others on the network read the result.
        media: the video or the folder of pictures, if it is not where it was.
        body: the recording's body model, if it is loaded already; it is moved to the CPU.
        body_folder: where body files lie; None: `$MAFLAB_DATA/body`, or `data/body`.

    Raises:
        ViewerError: the result cannot be shown, or the port cannot be had.
        BodyFileError: the body's file is not there.
    """
    opened = open_result(result, media)
    if body is None:
        folder = body_folder or Path(os.environ.get("MAFLAB_DATA", "data")) / "body"
        body = load_body(opened.recording.body, folder, opened.recording.gender)
    with listening(opened, body, host, port) as server:
        address = url_of(server)
        log.info("the viewer is at %s (Ctrl-C ends it)", address)
        if not is_loopback(host):
            log.warning("everybody who reaches %s can read this result", host)
        if open_browser:
            webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            log.info("the viewer has ended")


@contextmanager
def listening(result: Result, body: BodyModel, host: str = LOOPBACK, port: int = 0) -> Iterator[ThreadingHTTPServer]:
    """A server that listens, but does not answer before its `serve_forever` is called; closed at the end.

    Raises:
        ViewerError: the result is of another body, or the address cannot be had.
    """
    if body.name != result.recording.body:
        raise ViewerError(f"The result is of the body {result.recording.body}, not of {body.name}")
    # A request's line cannot choose among names that are not in the site.
    handler = type("SiteHandler", (Handler,), {"site": site_of(result, Bodies(result.recording, body.cpu()), host)})
    try:
        server = ThreadingHTTPServer((host, port), handler)
    except (OSError, OverflowError) as error:
        raise ViewerError(f"Port {port} of {host} cannot be had ({error}); take another, or 0 for any") from error
    server.daemon_threads = True
    try:
        yield server
    finally:
        server.server_close()


def url_of(server: ThreadingHTTPServer) -> str:
    """Where a browser on this machine finds it."""
    host, port = str(server.server_address[0]), server.server_address[1]
    return f"http://{LOOPBACK if host == '0.0.0.0' else host}:{port}/"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
