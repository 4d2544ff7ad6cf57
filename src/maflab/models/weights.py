"""Start weights of a feature pyramid: the ones shipped with the suite, or a file."""

import logging
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
            start with `pyramid.`), or `.safetensors`, `.pt`, `.pth` of a bare backbone under torchvision's names.

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
        _fill(
            pyramid.backbone,
            {k: v.float() for k, v in tensors.items() if not k.startswith("fc.")},
            path,
            set(),
        )


def load_head_weights(head: torch.nn.Module, source: str | None) -> bool:
    """Fill an auxiliary head from the start weights of its pyramid, in place, where they bring one of its shape.

    Args:
        head: the head.
        source: what the pyramid's `weights` says; `imagenet`, `none` and bare backbones bring no head.

    Returns:
        Whether the head was filled; otherwise it keeps its random start.

    Raises:
        WeightsError: the file is missing or unreadable.
    """
    if source in (None, "none", "imagenet"):
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
        raise WeightsError(f"The weights file {path} cannot be read ({error}); fetch or train it anew") from error
    return loaded.get("state_dict", loaded.get("model", loaded))


def _fill(module: torch.nn.Module, tensors: dict[str, Tensor], path: Path, optional: set[str]) -> None:
    """Load tensors strictly, but for names under `optional` prefixes, which may be absent or in excess."""
    own = module.state_dict()
    for name, tensor in tensors.items():
        if name in own and own[name].shape != tensor.shape:
            raise WeightsError(
                f"{path} holds {name} of shape {tuple(tensor.shape)}, the network wants {tuple(own[name].shape)}: "
                "the weights were made for another encoder or width; choose encoder.weights=none or a matching file"
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
