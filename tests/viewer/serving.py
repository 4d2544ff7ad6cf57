"""A viewer that answers meanwhile."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

from maflab.body.model import BodyModel
from maflab.viewer.result import Result
from maflab.viewer.server import listening


@contextmanager
def answering(result: Result, body: BodyModel) -> Iterator[ThreadingHTTPServer]:
    with listening(result, body) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
