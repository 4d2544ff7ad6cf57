"""What a model costs: parameters, time and memory."""

import resource
import sys
import time
from typing import Any

import torch
from torch.utils.data import default_collate

from maflab.training.build import Model

_PICTURES = 32
_REPEATS = 3


@torch.no_grad()
def cost(model: Model, dataset: Any) -> dict[str, float]:
    """Parameters, seconds for a picture and the peak of memory.

    Args:
        model: in evaluation mode.
        dataset: gives the pictures that it is timed on: up to 32 at once, the fastest of three runs.

    Returns:
        `parameters`, `seconds_per_image` and `peak_memory_mb`: of the GPU's memory where the model is on one,
        otherwise of the process since it began.
    """
    batch = default_collate([dataset[i] for i in range(min(_PICTURES, len(dataset)))])
    image = batch.image.to(model.device)
    model(image)
    seconds = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        model(image)
        if image.is_cuda:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return {
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "seconds_per_image": min(seconds) / len(image),
        "peak_memory_mb": _peak_memory() if not image.is_cuda else torch.cuda.max_memory_allocated() / 2**20,
    }


def _peak_memory() -> float:
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
