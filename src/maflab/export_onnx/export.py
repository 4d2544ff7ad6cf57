"""Write the ONNX file of a trained model."""

import importlib.util
import logging
from pathlib import Path

import torch

from maflab.atomic import whole_file
from maflab.export_onnx.agreement import check_agreement
from maflab.export_onnx.errors import ExportError
from maflab.export_onnx.metadata import metadata
from maflab.export_onnx.path import INPUT, OUTPUTS, InferencePath
from maflab.models.recovery import MeshRecovery

log = logging.getLogger(__name__)

OPSET = 18
"""What most runtimes read; the exporter's own operators are of this version, so nothing has to be converted."""

_LICENCE_FREE = ("anny", "tiny")
_DYNAMIC = torch.export.Dim.DYNAMIC


def export_model(
    model: MeshRecovery,
    size: int,
    output: Path | str,
    *,
    checkpoint: str = "",
    batch: int | None = None,
    all_iterations: bool = False,
    opset: int = OPSET,
    verify: bool = False,
) -> Path:
    """Write the inference path of a model as one file; it appears under its name only when it is whole.

    Args:
        model: on the CPU.
        size: side of its crops in pixels.
        output: the file to write.
        checkpoint: what the metadata calls the model's origin.
        batch: how many crops the file takes at once; None: any number.
        all_iterations: whether it gives the estimate of each iteration, the mean parameters first.
        opset: version of ONNX's operators, at least 18.
        verify: run the file in onnxruntime and compare it with the model before it gets its name.

    Returns:
        The file.

    Raises:
        ExportError: a package is missing, a setting cannot be had, or the file does not agree with the model.
    """
    require_packages(runtime=verify)
    if opset < OPSET:
        raise ExportError(f"The graph cannot be written in opset {opset}: take {OPSET} or a later one")
    if batch is not None and batch < 1:
        raise ExportError(f"A batch of {batch} crops is empty: take a positive number, or dynamic")
    output = Path(output)
    if model.body.name not in _LICENCE_FREE:
        log.warning(
            "%s will contain arrays of the %s body: its licence (%s) holds for the file, so do not pass it on",
            output,
            model.body.name,
            model.body.licence,
        )
    path = InferencePath(model, all_iterations)
    program = _traced(path, size, batch, opset)
    program.model.metadata_props.update(metadata(model, size, checkpoint, all_iterations))
    program.model.producer_name = "maflab"
    with whole_file(output) as partial:
        program.save(partial, external_data=False)
        if verify:
            difference = check_agreement(partial, path, size, batch)
            log.info("onnxruntime and the model differ by at most %.1e", difference)
    return output


def require_packages(runtime: bool) -> None:
    """Raise ExportError unless the packages are there that write (and, with `runtime`, run) ONNX files."""
    needed = ["onnx", "onnxscript"] + (["onnxruntime"] if runtime else [])
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ExportError(f"Exporting needs {_listed(missing)}, which this Python has not: pip install 'maflab[onnx]'")


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _traced(path: InferencePath, size: int, batch: int | None, opset: int) -> torch.onnx.ONNXProgram:
    """The graph, by PyTorch's exporter; with any batch, it is traced with two crops, since one is specialised."""
    example = torch.zeros(batch or 2, 3, size, size)
    shapes = {INPUT: {0: _DYNAMIC} if batch is None else None}
    with torch.no_grad():
        program = torch.onnx.export(
            path,
            (example,),
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            opset_version=opset,
            verbose=False,
        )
    assert program is not None
    return program
