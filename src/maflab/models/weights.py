"""Start weights of a feature pyramid: the ones shipped with the suite, or a file."""

import logging
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import Tensor

if TYPE_CHECKING:
    from maflab.models.pyramid import FeaturePyramid

log = logging.getLogger(__name__)

SHIPPED_WEIGHTS = "pyramid_synthetic.safetensors"
NO_FILE = (None, "none", "imagenet", "checkpoint")
"""What `encoder.weights` may say without naming a file of ours."""

_WRAPPER = "module."  # what DataParallel puts before every name
_DECONVOLUTION = re.compile(r"(?:keypoint_head\.|head\.)?deconv_layers\.(\d+)\.(.+)")
_OTHER_TASK = re.compile(r"(?:fc|classifier|final_layer|keypoint_head\.final_layer|head\.final_layer)\..+")


class WeightsError(Exception):
    """Weights that are missing, unreadable or of another shape than the network."""


def shipped_weights() -> Path:
    """The file of start weights that comes with the suite: a pyramid trained on synthetic people."""
    return Path(str(resources.files("maflab") / "weights" / SHIPPED_WEIGHTS))


def load_pyramid_weights(pyramid: "FeaturePyramid", source: str) -> None:
    """Fill a pyramid with start weights, in place.

    A pyramid with more stages than the file starts the further ones at random; with fewer, it takes the coarse ones.

    Args:
        pyramid: the pyramid.
        source: `synthetic` or the path of a file: `.safetensors` written by this suite's pre-training (names that
            start with `pyramid.`); or `.safetensors` or anything that torch saved, of a backbone under the encoder's
            own names (ImageNet weights of torchvision and timm), or of a key point detector of the "Simple Baselines"
            kind with its deconvolutions (the authors' files, mmpose's). Heads for other tasks are left out.

    Raises:
        WeightsError: the file is missing or unreadable, or its tensors do not fit the encoder.
    """
    path = _locate(source)
    tensors = _read(path)
    prefix = "pyramid."
    own = {name.removeprefix(prefix): t.float() for name, t in tensors.items() if name.startswith(prefix)}
    if own:
        _fill(pyramid, own, path, {f"stages.{i}." for i in range(pyramid.levels)})
    else:
        _fill(pyramid, _ours(tensors, path), path, {f"stages.{i}." for i in range(pyramid.levels)})


def load_head_weights(head: torch.nn.Module, source: str | None) -> bool:
    """Fill an auxiliary head from the start weights of its pyramid, in place, where they bring one of its shape.

    Args:
        head: the head.
        source: what the pyramid's `weights` says; those of `NO_FILE` and bare backbones bring no head.

    Returns:
        Whether the head was filled; otherwise it keeps its random start.

    Raises:
        WeightsError: the file is missing or unreadable.
    """
    if source in NO_FILE:
        return False
    path = _locate(source)
    own = {k.removeprefix("aux_head."): v.float() for k, v in _read(path).items() if k.startswith("aux_head.")}
    shapes = {name: tensor.shape for name, tensor in head.state_dict().items() if name.startswith("predict.")}
    own = {name: tensor for name, tensor in own.items() if name in head.state_dict()}
    if shapes != {name: tensor.shape for name, tensor in own.items() if name in shapes}:
        log.info("%s brings no auxiliary head of this shape: it starts at random", path.name)
        return False
    head.load_state_dict(own, strict=False)  # pre-training may bring a surface, or be the first to learn one
    return True


def _ours(tensors: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The tensors of somebody else's file under a pyramid's names.

    A deconvolution stage is three layers there: the deconvolution, its normalisation and a ReLU.
    """
    tensors = {name.removeprefix(_WRAPPER): tensor.float() for name, tensor in tensors.items()}
    backbone = "backbone." if any(name.startswith("backbone.") for name in tensors) else ""
    ours, left_out = {}, []
    for name, tensor in tensors.items():
        if found := _DECONVOLUTION.fullmatch(name):
            stage, layer = divmod(int(found[1]), 3)
            ours[f"stages.{stage}.{('upsample', 'norm', 'activation')[layer]}.{found[2]}"] = tensor
        elif _OTHER_TASK.fullmatch(name):
            left_out.append(name)
        else:
            ours[f"backbone.{name.removeprefix(backbone)}"] = tensor
    if left_out:
        log.info("%s: %s not taken, which are of another task", path.name, ", ".join(left_out))
    return ours


def _locate(source: str) -> Path:
    return shipped_weights() if source == "synthetic" else Path(source)


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsError(
            f"There is no weights file {path}; give encoder.weights=synthetic, imagenet, none or an existing path"
        )
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and safetensors raise many kinds for a damaged file
        if wanted := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise WeightsError(
                f"The weights file {path} asks for {wanted[1]}, and only tensors are read; where you trust it, save "
                "its state_dict alone"
            ) from error
        raise WeightsError(f"The weights file {path} cannot be read ({error}); fetch or train it anew") from error
    loaded = loaded.get("state_dict", loaded.get("model", loaded)) if isinstance(loaded, dict) else loaded
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise WeightsError(f"The weights file {path} is no dictionary of tensors; save a state_dict")
    return loaded


def _fill(module: torch.nn.Module, tensors: dict[str, Tensor], path: Path, optional: set[str]) -> None:
    """Load tensors strictly, but for names under `optional` prefixes, which may be absent or in excess."""
    own = module.state_dict()
    for name, tensor in tensors.items():
        if name in own and own[name].shape != tensor.shape:
            raise WeightsError(
                f"{path} holds {name} of shape {tuple(tensor.shape)}, the network wants {tuple(own[name].shape)}: "
                "the weights were made for another encoder or width; set encoder.encoder and encoder.channels as "
                "the file's, or choose encoder.weights=none or a matching file"
            )
    missing = [name for name in own if name not in tensors and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in tensors if name not in own and not name.startswith("stages.")]
    random_start = [name for name in missing if any(name.startswith(p) for p in optional)]
    missing = [name for name in missing if name not in random_start]
    if missing or unexpected:
        raise WeightsError(
            f"{path} does not fit the network: it lacks {missing[:3]} and has {unexpected[:3]} beyond it "
            f"({len(missing)} and {len(unexpected)} in all); choose encoder.weights=none or a matching file"
        )
    if random_start:
        log.warning(
            "%s has no weights for %d tensors (%s ...): they start at random",
            path.name,
            len(random_start),
            random_start[0],
        )
    module.load_state_dict({k: v for k, v in tensors.items() if k in own}, strict=False)
