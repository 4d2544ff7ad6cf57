"""The commands `prepare.py import=...` and `export=...`: PyMAF's released file and our checkpoints, either way."""

import logging
import re
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra import compose
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from maflab.atomic import whole_file
from maflab.body.model import BodyModel
from maflab.models.recovery import MeshRecovery
from maflab.training.build import build_body, build_model, plain
from maflab.training.checkpoint import FORMAT, KEY, load_model, read_checkpoint, saved_config
from maflab.training.errors import CheckpointError
from maflab.training.published.layout import GRID, coarsening, from_released, to_released

log = logging.getLogger(__name__)

_TEMPLATE = "regressor.0.smpl.v_template"
_SAME_TEMPLATE = 1e-4  # metres
_FREE = {"weights", "dropout"}  # settings that do not change what a trained network computes


def convert(config: DictConfig) -> None:
    """What `prepare.py import=... export=...` asks for.

    Args:
        config: composed from `conf/prepare.yaml`.

    Raises:
        CheckpointError, BodyFileError: see `import_published` and `export_published`.
    """
    if config["import"]:
        import_published(config["import"], config.import_to, config.paths)
    if config.export:
        export_published(config.export, config.export_to, config.paths.body)


def import_published(source: Path | str, target: Path | str, paths: DictConfig) -> None:
    """Write PyMAF's released checkpoint as one of ours, without the arrays of SMPL that it carries.

    To be called inside a `hydra.main`, whose folder of configs is read: the network is that of
    `experiment=paper/pymaf body=smpl`, with the points and the mean parameters of the file.

    Args:
        source: `PyMAF_model_checkpoint.pt`, or another file of the same layout.
        target: the `.ckpt` to write.
        paths: the section `paths` of the config; SMPL's files lie under it.

    Raises:
        CheckpointError: the file is missing, wants to run code, or any of its tensors does not find its place.
        BodyFileError: SMPL's files are not there.
    """
    released = _read(Path(source))
    try:
        points = coarsening(released)
        config = _config(paths, int(points.getnnz(axis=1).max()), "dp_head.predict_u.weight" in released)
        body = build_body(config)
        model = build_model(config, body)
        assert isinstance(model, MeshRecovery)
        model.maf.folded.take_points(points)
        _check_grid(released, model)
        model.load_state_dict(from_released(released, model.state_dict()))
    except (CheckpointError, ValueError) as error:
        raise CheckpointError(f"{source} cannot be imported: {error}") from error
    _compare_templates(released, body)
    state = model.state_dict()
    content = {
        "state_dict": state,
        "global_step": 0,
        "epoch": 0,
        "pytorch-lightning_version": pl.__version__,
        KEY: {"format": FORMAT, "config": plain(config)},
    }
    _write(content, Path(target))
    log.info("%s -> %s: %d tensors taken", source, target, len(state))


def export_published(source: Path | str, target: Path | str, body_folder: Path | str) -> None:
    """Write a checkpoint of ours in the layout of PyMAF's released one, without SMPL's own arrays.

    To be called inside a `hydra.main`.

    Args:
        source: the checkpoint of a network of `experiment=paper/pymaf`.
        target: the `.pt` to write; `torch.load` gives a dictionary with the tensors under `model`.
        body_folder: where the body's files lie.

    Raises:
        CheckpointError: the checkpoint cannot be used or holds another network. BodyFileError: no body file.
    """
    checkpoint = read_checkpoint(source)
    try:
        _check_network(saved_config(checkpoint))
        model = load_model(source, body_folder)
        assert isinstance(model, MeshRecovery)
        means = {f"maf.{name}": getattr(model.maf, name) for name in ("mean_pose", "mean_betas", "mean_camera")}
        released = to_released(model.state_dict() | means, model.maf.folded.combination(), model.maf.grid)
    except CheckpointError as error:
        raise CheckpointError(f"{source} cannot be exported: {error}") from error
    _write({"model": released}, Path(target))
    log.info("%s -> %s: %d tensors, without those of SMPL", source, target, len(released))


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise CheckpointError(
            f"There is no {path}; PyMAF_model_checkpoint.pt comes with the models of "
            "https://github.com/HongwenZhang/PyMAF, for non-commercial research"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged or foreign file
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        reason = f"it asks for {wanted[1]}, and only tensors are read" if wanted else "it is damaged; fetch it again"
        raise CheckpointError(f"{path} was not loaded: {reason}") from error
    tensors = content.get("model") if isinstance(content, dict) else None
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise CheckpointError(f"{path} has no tensors under 'model', where PyMAF's released checkpoint has them")
    return tensors


def _config(paths: DictConfig, vertices_a_point: int, with_head: bool) -> DictConfig:
    overrides = ["+experiment=paper/pymaf", "body=smpl", "encoder.weights=none"]
    overrides += [f"+maf.stored_points={vertices_a_point}", *([] if with_head else ["aux_head=none"])]
    config = compose("train", overrides)
    OmegaConf.update(config, "paths", paths, merge=False)
    return config


def _check_grid(released: dict[str, Tensor], model: MeshRecovery) -> None:
    grid = released.get(GRID)
    if grid is not None and not (
        grid.shape == (1, 2, len(model.maf.grid)) and torch.allclose(grid[0].T.float(), model.maf.grid, atol=1e-6)
    ):
        raise CheckpointError(f"its {GRID} is not the grid of 21 x 21 points, x outermost, that the network reads")


def _compare_templates(released: dict[str, Tensor], body: BodyModel) -> None:
    """The file carries the body that it was trained with: tell where the user's is another one."""
    theirs = released.get(_TEMPLATE)
    if theirs is None or theirs.shape != body.template.shape:
        return
    difference = float((theirs - body.template).abs().max())
    if difference > _SAME_TEMPLATE:
        log.warning(
            "the checkpoint was trained with another SMPL file than %s: vertices differ by up to %.1f mm",
            body.arrays.gender,
            1e3 * difference,
        )


def _check_network(config: DictConfig) -> None:
    """Whether a checkpoint's config describes the published network; weights alone do not tell all of it."""
    if config.body.name != "smpl":
        raise CheckpointError(f"its body is {config.body.name}, and the published layout means SMPL's parameters")
    published = compose("train", ["+experiment=paper/pymaf"])
    differing = [
        f"{part}.{key} is {config[part].get(key)} and not {value}"
        for part in ("encoder", "maf", "aux_head")
        if config.get(part) is not None
        for key, value in published[part].items()
        if key not in _FREE and config[part].get(key) != value
    ]
    if config.get("maf") is None or differing:
        raise CheckpointError(
            f"it is not the network of experiment=paper/pymaf ({', '.join(differing[:3]) or 'it has no loop'})"
        )


def _write(content: dict[str, Any], path: Path) -> None:
    try:
        with whole_file(path) as partial:
            torch.save(content, partial)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written ({error}); free space or give another path") from error
