"""`python -m maflab.export_onnx CHECKPOINT --output MODEL.onnx`."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from maflab.body.arrays import BodyFileError
from maflab.export_onnx.errors import ExportError
from maflab.export_onnx.export import OPSET, export_model, require_packages
from maflab.models.recovery import MeshRecovery
from maflab.training.checkpoint import load_model, locate_checkpoint, read_checkpoint, saved_config
from maflab.training.errors import CheckpointError, OverrideError

_DESCRIPTION = """\
Write a trained model as one ONNX file that runs without this package: normalised crops (B, 3, S, S) in; rotations,
betas, camera, mesh points and key points out. The file's metadata says how crops are prepared and what comes out."""

_EXAMPLES = """\
examples:
  python -m maflab.export_onnx reference --output model.onnx --verify
  python -m maflab.export_onnx outputs/RUN/checkpoints/best.ckpt --output model.onnx --batch 1 --all-iterations"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: returns the exit status, 1 with one message for what a person can mend.

    Args:
        arguments: None: the process's own.
    """
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("maflab").setLevel(logging.INFO)
    logging.getLogger("onnx_ir").setLevel(logging.ERROR)  # it warns of each constant that it does not fold
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    try:
        written = export_checkpoint(given)
    except (ExportError, CheckpointError, OverrideError, BodyFileError, OSError) as error:
        sys.stderr.write(f"maflab: {error}\n")
        return 1
    sys.stdout.write(f"{written}\n")
    return 0


def export_checkpoint(given: argparse.Namespace) -> Path:
    """Write what the command was asked for; its errors are those of `load_model` and `export_model`."""
    require_packages(runtime=given.verify)
    model = load_model(given.checkpoint, given.body_folder)
    if not isinstance(model, MeshRecovery):
        raise ExportError(f"{given.checkpoint} holds a pyramid without a loop (maf=none): there is no body to export")
    size = int(saved_config(read_checkpoint(given.checkpoint)).data.resolution)
    return export_model(
        model,
        size,
        given.output,
        checkpoint=locate_checkpoint(given.checkpoint).name,
        batch=given.batch,
        all_iterations=given.all_iterations,
        opset=given.opset,
        verify=given.verify,
    )


def _batch(text: str) -> int | None:
    if text == "dynamic":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a positive number nor dynamic")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m maflab.export_onnx",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoint", help="a file of train.py, or `reference`, the model that comes with the suite")
    parser.add_argument("--output", type=Path, required=True, help="the file to write")
    parser.add_argument(
        "--batch", type=_batch, default=None, metavar="N", help="crops at once: a number, or dynamic (the default)"
    )
    parser.add_argument(
        "--all-iterations", action="store_true", help="give the estimate of every iteration, the mean first"
    )
    parser.add_argument("--opset", type=int, default=OPSET, help=f"version of ONNX's operators (default: {OPSET})")
    parser.add_argument("--verify", action="store_true", help="compare the file, run by onnxruntime, with the model")
    parser.add_argument("--body-folder", type=Path, help="where body files lie (default: where they lay in training)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
