"""Start weights for others: the pyramid and the auxiliary head of a trained model in one small file."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from maflab.atomic import whole_file
from maflab.training.build import Model

EXPORTED = ("pyramid", "aux_head")


def export_pyramid(model: Model, path: Path, metadata: dict[str, Any]) -> None:
    """Write `pyramid.*` and `aux_head.*` in half precision as safetensors.

    Args:
        model: the trained model.
        path: the file; it takes its name only when it is complete.
        metadata: how the weights were made (command, seed, recipe, metrics); each value is stored as JSON.
    """
    tensors = {name: _half(tensor) for name, tensor in model.state_dict().items() if name.split(".")[0] in EXPORTED}
    with whole_file(path) as partial:
        save_file(tensors, partial, {key: json.dumps(value) for key, value in metadata.items()})


def _half(tensor: Tensor) -> Tensor:
    """Half precision where it holds the values: counters stay whole, and a running variance may exceed 65504."""
    if not tensor.is_floating_point() or tensor.abs().max() > torch.finfo(torch.float16).max:
        return tensor.contiguous()
    return tensor.half().contiguous()
