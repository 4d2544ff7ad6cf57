"""Checkpoints that explain themselves: with the resolved config inside, the file alone rebuilds the model."""

from importlib import resources
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from maflab.training.build import Model, build_body, build_model, plain
from maflab.training.errors import CheckpointError

KEY = "maflab"
"""Where in a checkpoint the suite's own entries are."""

FORMAT = 1
REFERENCE = "reference"
_SHAPING = ("body", "encoder", "maf", "aux_head")
_IRRELEVANT = {"encoder.weights", "body.folder", "maf.dropout"}
_PARTS = ("pyramid", "maf", "aux_head")


class ConfigStamp(pl.Callback):
    """Puts the resolved config into every checkpoint, as plain containers that weights-only loading reads.

    Args:
        config: plain dictionaries and values (`build.plain`).
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Adds the entry."""
        checkpoint[KEY] = {"format": FORMAT, "config": self.config}


def locate_checkpoint(name: Path | str) -> Path:
    """The file of a checkpoint: a path as it is, or `reference`, the trained model that comes with the suite."""
    return shipped_checkpoint() if str(name) == REFERENCE else Path(name)


def shipped_checkpoint() -> Path:
    """The reference checkpoint: the default experiment, trained on synthetic people; weights alone, half precision."""
    return Path(str(resources.files("maflab") / "weights" / "reference.ckpt"))


def read_checkpoint(path: Path | str) -> dict[str, Any]:
    """A checkpoint's content on the CPU, read without trust in pickles.

    Raises:
        CheckpointError: the file is missing, damaged, or not one of this suite.
    """
    path = locate_checkpoint(path)
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint {path}; train.py leaves them in <run folder>/checkpoints")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged or foreign file
        reason = str(error).split(".")[0]
        raise CheckpointError(
            f"{path} cannot be read as a checkpoint ({reason}); take another, or train again"
        ) from error
    if not isinstance(checkpoint, dict) or KEY not in checkpoint or "state_dict" not in checkpoint:
        raise CheckpointError(f"{path} is not a checkpoint of maflab: it has no config inside; take one of train.py")
    if checkpoint[KEY]["format"] != FORMAT:
        raise CheckpointError(
            f"{path} has checkpoint format {checkpoint[KEY]['format']}, this maflab reads {FORMAT}; "
            "use the version that wrote it"
        )
    return checkpoint


def saved_config(checkpoint: dict[str, Any]) -> DictConfig:
    """The config a checkpoint was trained with, resolved."""
    return OmegaConf.create(checkpoint[KEY]["config"])


def load_model(path: Path | str, body_folder: Path | str | None = None) -> Model:
    """The trained model of a checkpoint, on the CPU and in evaluation mode.

    Args:
        path: the checkpoint.
        body_folder: where body files lie on this machine; None: where they lay in training.

    Raises:
        CheckpointError: the file cannot be used. BodyFileError: its body's file is not there.
    """
    checkpoint = read_checkpoint(path)
    config = without_start_weights(saved_config(checkpoint))
    if body_folder is not None:
        config.body.folder = str(body_folder)
    model = build_model(config, build_body(config))
    load_weights(model, checkpoint, config, path)
    return model.eval()


def load_part(module: torch.nn.Module, part: str, path: Path | str) -> None:
    """Fill one part of a network from a checkpoint, in place.

    Args:
        module: a `FeaturePyramid`, `MAFLoop` or `AuxiliaryHead`.
        part: `pyramid`, `maf` or `aux_head`.
        path: the checkpoint.

    Raises:
        CheckpointError: there is no such part in it, or one of another shape.
    """
    if part not in _PARTS:
        raise CheckpointError(f"There is no part {part!r}; choose from {', '.join(_PARTS)}")
    state = read_checkpoint(path)["state_dict"]
    own = {name.removeprefix(f"{part}."): tensor for name, tensor in state.items() if name.startswith(f"{part}.")}
    if not own:
        raise CheckpointError(f"{path} was trained without the part {part}")
    if names := _mismatches(module.state_dict(), own):
        raise CheckpointError(
            f"The {part} of {path} has another shape: {_first(names)}; build it with the same settings"
        )
    module.load_state_dict(own)


def load_weights(model: Model, checkpoint: dict[str, Any], config: DictConfig, path: Path | str) -> None:
    """Fill a model from a checkpoint's content, in place; `config` is what the model was built from.

    Raises:
        CheckpointError: names the first tensors that do not fit, and the settings that differ.
    """
    check_same_model(checkpoint, config, path)
    if names := _mismatches(model.state_dict(), checkpoint["state_dict"]):
        raise CheckpointError(
            f"{path} does not fit the model: {_first(names)}; "
            "its config is the same, so it was written by another version of maflab"
        )
    model.load_state_dict(checkpoint["state_dict"])


def check_same_model(checkpoint: dict[str, Any], config: DictConfig, path: Path | str) -> None:
    """Compare the settings that give a model its shape and its body.

    Raises:
        CheckpointError: names each that differs, with both values.
    """
    there, here = (_shaping_settings(c) for c in (saved_config(checkpoint), config))
    differing = [key for key in sorted(there.keys() | here.keys()) if there.get(key) != here.get(key)]
    if differing:
        listed = ", ".join(f"{key} is {there.get(key)} there and {here.get(key)} here" for key in differing[:4])
        more = f" and {len(differing) - 4} more differ" if len(differing) > 4 else ""
        raise CheckpointError(f"{path} holds another model: {listed}{more}; give the settings it was trained with")


def without_start_weights(config: DictConfig) -> DictConfig:
    """A copy that builds the model without reading start weights, which the checkpoint's replace anyway.

    A model that had none keeps saying so: what start weights freeze stays frozen when a training goes on.
    """
    had = config.encoder.get("weights") not in (None, "none")
    return OmegaConf.merge(config, {"encoder": {"weights": "checkpoint" if had else "none"}})


def merged_with_checkpoint(config: DictConfig, checkpoint: dict[str, Any]) -> DictConfig:
    """The checkpoint's config, with what an evaluation may replace: data, device, folders.

    Raises:
        CheckpointError: another body was asked for than the model was trained with.
    """
    saved = without_start_weights(saved_config(checkpoint))
    body, data = config.get("body"), config.get("data")  # absent unless they were asked for
    if body is not None and body.name != saved.body.name:
        raise CheckpointError(
            f"{config.checkpoint} was trained with body={saved.body.name}, and body={body.name} is asked for; "
            "its rotations and betas mean nothing on another body"
        )
    merged = OmegaConf.create(relocated(plain(saved), str(saved.paths.data), str(config.paths.data)))
    if body is not None:
        merged.body = body
    if data is not None:
        resolution = merged.data.resolution
        merged.data = data if "_target_" in data else OmegaConf.merge(merged.data, data)
        if merged.data.get("resolution") is None:
            merged.data.resolution = resolution
    merged.trainer, merged.paths = config.trainer, config.paths
    return merged


def relocated(node: Any, before: str, now: str) -> Any:
    """A config whose paths under one folder are under another: that of the machine that trained, this one's."""
    if isinstance(node, dict):
        return {key: relocated(value, before, now) for key, value in node.items()}
    if isinstance(node, list):
        return [relocated(value, before, now) for value in node]
    if isinstance(node, str) and (node == before or node.startswith(f"{before}/")):
        return now + node[len(before) :]
    return node


def _shaping_settings(config: DictConfig) -> dict[str, object]:
    return {
        key: value
        for part in _SHAPING
        for key, value in _dotted(part, OmegaConf.to_container(config, resolve=False).get(part))
        if key not in _IRRELEVANT
    }


def _dotted(prefix: str, node: object) -> list[tuple[str, object]]:
    if not isinstance(node, dict):
        return [(prefix, node)]
    return [pair for key, value in node.items() for pair in _dotted(f"{prefix}.{key}", value)]


def _mismatches(own: dict[str, Tensor], given: dict[str, Tensor]) -> list[str]:
    """A phrase for each tensor that is missing, in excess or of another shape."""
    phrases = [f"{name} is missing" for name in own.keys() - given.keys()]
    phrases += [f"{name} is unknown" for name in given.keys() - own.keys()]
    for name in own.keys() & given.keys():
        if own[name].shape != given[name].shape:
            phrases.append(f"{name} is {tuple(given[name].shape)} instead of {tuple(own[name].shape)}")
    return sorted(phrases)


def _first(phrases: list[str], count: int = 3) -> str:
    more = f" and {len(phrases) - count} more" if len(phrases) > count else ""
    return ", ".join(phrases[:count]) + more
