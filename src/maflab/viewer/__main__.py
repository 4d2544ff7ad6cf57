"""`python -m maflab.viewer RESULT`."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from maflab.body.arrays import BodyFileError
from maflab.viewer.errors import ViewerError
from maflab.viewer.server import LOOPBACK, serve

_DESCRIPTION = """\
Look at a result of demo.py in a web browser: the clip beside its people in 3D, scrubbed together. The page is served
to this machine alone, works offline, and changes nothing."""

_EXAMPLES = """\
examples:
  python -m maflab.viewer outputs/demo/2026-01-31_12-00-00
  python -m maflab.viewer people.npz --media clip.mp4 --port 8765 --no-browser"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: returns the exit status, 1 with one message for what a person can mend.

    Args:
        arguments: None: the process's own.
    """
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        serve(
            given.result,
            port=given.port,
            open_browser=given.browser,
            host=given.host,
            media=given.media,
            body_folder=given.body_folder,
        )
    except (ViewerError, BodyFileError, OSError) as error:
        sys.stderr.write(f"maflab: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m maflab.viewer",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("result", type=Path, help="folder that demo.py wrote, or a recording (.npz or .json)")
    parser.add_argument("--media", type=Path, help="the video or folder of pictures, if it is not where it was")
    parser.add_argument("--port", type=int, default=0, help="to listen on (default: a free one)")
    parser.add_argument(
        "--host",
        default=LOOPBACK,
        help=f"address to listen on (default: {LOOPBACK}; any other lets the network read the result)",
    )
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="do not open one, print the address")
    parser.add_argument(
        "--body-folder", type=Path, help="where body files lie (default: $MAFLAB_DATA/body or data/body)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
