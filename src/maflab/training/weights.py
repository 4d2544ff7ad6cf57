"""Small files for others: start weights (pyramid and auxiliary head), and a trained model without its optimizer."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from maflab.atomic import whole_file
from maflab.training.build import Model
from maflab.training.checkpoint import KEY, read_checkpoint, relocated

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


def export_checkpoint(checkpoint: Path | str, path: Path, metrics: dict[str, Any]) -> None:
    """Write a checkpoint's weights in half precision with the config that they need, and nothing of the training.

    What comes out is a checkpoint that `evaluate.py` and `demo.py` read, as the reference checkpoint is. The run's
    own folder is called `outputs/NAME` in it.

    Args:
        checkpoint: of train.py.
        path: the file; it takes its name only when it is complete.
        metrics: what the run's `metrics.json` holds; kept under `maflab.metrics`.

    Raises:
        CheckpointError: the checkpoint cannot be used.
    """
    content = read_checkpoint(checkpoint)
    trained = content[KEY]["config"]
    config = relocated(trained, trained["paths"]["output"], f"outputs/{trained['name']}")
    measured = {key: value for key, value in metrics.items() if key != "checkpoint"}
    slim = {
        "state_dict": {name: _half(tensor) for name, tensor in content["state_dict"].items()},
        "global_step": content["global_step"],
        KEY: content[KEY] | {"config": config, "metrics": measured},
    }
    with whole_file(path) as partial:
        torch.save(slim, partial)


def _half(tensor: Tensor) -> Tensor:
    """Half precision where it holds the values: counters stay whole, and a running variance may exceed 65504."""
    if not tensor.is_floating_point() or tensor.abs().max() > torch.finfo(torch.float16).max:
        return tensor.contiguous()
    return tensor.half().contiguous()
