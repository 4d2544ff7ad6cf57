"""`python -m maflab.export RESULT.npz --formats glb bvh`."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from maflab.body.arrays import BodyFileError
from maflab.body.load import load_body
from maflab.export.errors import ExportError
from maflab.export.export import FORMATS, check_formats, export_recording
from maflab.export.options import UNITS, ExportOptions
from maflab.inference.result_file import load_recording
from maflab.inference.result_keys import RecordingError

_DESCRIPTION = """\
Write a result of demo.py again in other formats; neither the video nor the network is needed."""

_EXAMPLES = """\
examples:
  python -m maflab.export outputs/RUN/result.npz --formats glb bvh
  python -m maflab.export result.json --formats obj --stride 5 --output meshes"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: returns the exit status, 1 with one message for what a person can mend.

    Args:
        arguments: None: the process's own.
    """
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("maflab").setLevel(logging.INFO)
    try:
        written = export_file(given)
    except (ExportError, RecordingError, BodyFileError, OSError) as error:
        sys.stderr.write(f"maflab: {error}\n")
        return 1
    for path in written:
        sys.stdout.write(f"{path}\n")
    return 0


def export_file(given: argparse.Namespace) -> list[Path]:
    """Write what the command was asked for.

    Raises:
        ExportError: see `export_recording`; also if nothing was written.
        RecordingError, FileNotFoundError: the result cannot be read. BodyFileError: its body is not there.
    """
    check_formats(given.formats)
    if not given.result.is_file():
        raise ExportError(f"there is no result {given.result}; demo.py prints where it wrote its own")
    recording = load_recording(given.result)
    folder = given.body_folder or Path(os.environ.get("MAFLAB_DATA", "data")) / "body"
    body = load_body(recording.body, folder, recording.gender)
    options = ExportOptions(given.stride, given.bvh_unit)
    written = export_recording(recording, body, given.output or given.result.parent, given.formats, options)
    if not written:
        raise ExportError(f"nothing was written: there is nobody in {given.result}, or in no frame of the stride")
    return written


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m maflab.export",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("result", type=Path, help="a recording as .npz or .json")
    parser.add_argument("--formats", nargs="+", required=True, metavar="FORMAT", help=f"any of {', '.join(FORMATS)}")
    parser.add_argument("--output", type=Path, help="the folder to write into (default: the result's)")
    parser.add_argument("--stride", type=int, default=1, help="obj and ply: every how manyth frame (default: 1)")
    parser.add_argument("--bvh-unit", choices=sorted(UNITS), default="m", help="bvh: unit of lengths (default: m)")
    parser.add_argument(
        "--body-folder", type=Path, help="where body files lie (default: $MAFLAB_DATA/body or data/body)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
