"""A network of random weights on SMPL's stand-in, and `evaluate` with it, in seconds."""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from protocol_packs import write_bodies

from maflab.models.recovery import MeshRecovery
from maflab.training import evaluation
from maflab.training.build import build_body, build_model, plain

from .conftest import SMALL_ENCODER, SMALL_LOOP, compose_config


class Bench(NamedTuple):
    """A checkpoint and the data folder."""

    data: Path
    bodies: dict[str, dict[str, Any]]  # what SMPL's stand-ins hold, by gender
    checkpoint: Path
    model: MeshRecovery  # of the checkpoint


def make_bench(data: Path) -> Bench:
    """Writes bodies and checkpoint into the folder."""
    bodies = write_bodies(data / "body")
    given = ["+experiment=maf_2iter", "body=smpl", "data=tiny", "aux_head=none", f"paths.data={data}"]
    config = compose_config("train", *given, *SMALL_ENCODER, *SMALL_LOOP, "paths.output=none")
    torch.manual_seed(0)
    model = build_model(config, build_body(config))
    assert isinstance(model, MeshRecovery)
    for regressor in model.maf.regressors:  # as they begin, all would estimate nearly the mean
        for head in (regressor.pose, regressor.shape):
            torch.nn.init.normal_(head.weight, std=0.05)
    content = {"state_dict": model.state_dict(), "global_step": 0, "maflab": {"format": 1, "config": plain(config)}}
    torch.save(content, data / "random.ckpt")
    return Bench(data, bodies, data / "random.ckpt", model.eval())


def run(bench: Bench, folder: Path, *overrides: str) -> dict[str, Any]:
    """What `evaluate.py checkpoint=...` with these overrides gives; its files go to the folder."""
    paths = [f"paths.data={bench.data}", f"paths.output={folder}", "callbacks.panel=null"]
    return evaluation.evaluate(compose_config("evaluate", f"checkpoint={bench.checkpoint}", *paths, *overrides))
