"""Whether the written file computes what the model computes."""

from pathlib import Path

import torch

from maflab.export_onnx.errors import ExportError
from maflab.export_onnx.path import INPUT, OUTPUTS, InferencePath

TOLERANCE = 1e-4
"""Largest difference allowed in any output: 0.1 mm, and less than a hundredth of a pixel in a crop of 224."""


def check_agreement(file: Path, path: InferencePath, size: int, batch: int | None) -> float:
    """Run a file in onnxruntime and compare all outputs.

    Args:
        file: the ONNX file. path: what it was made from. size: side of the crops. batch: as it was exported.

    Returns:
        The largest absolute difference.

    Raises:
        ExportError: it is larger than TOLERANCE, or not a number.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    largest = {name: 0.0 for name in OUTPUTS}
    for count in (1, 3) if batch is None else (batch,):
        crops = torch.randn(count, 3, size, size, generator=generator)
        with torch.no_grad():
            expected = path(crops)
        given = session.run(None, {INPUT: crops.numpy()})
        for name, own, theirs in zip(OUTPUTS, expected, given, strict=True):
            difference = (own - torch.from_numpy(theirs)).abs().max().item()
            largest[name] = max(largest[name], difference) if difference == difference else float("inf")
    worst = max(largest, key=lambda name: largest[name])
    if largest[worst] > TOLERANCE:
        raise ExportError(
            f"the output {worst} of onnxruntime is {largest[worst]:.1e} off the model's, more than {TOLERANCE}: "
            "the file was not kept; try another opset, or another version of onnxruntime"
        )
    return largest[worst]
