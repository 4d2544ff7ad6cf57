"""Runs of a few steps whose figures do not depend on how many processes share a batch."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from maflab.training.ranks import RANK_VARIABLES

from .conftest import CONF

ROOT = CONF.parent
# No augmentation, and no batch statistics, which halves of a batch would have of their own: the encoder normalises each
# picture by itself, and the loop that reads global features has no use for the pyramid's stages.
SAME = [
    *("+experiment=hmr_3iter", "encoder.encoder=test_convnext", "encoder.channels=8", "encoder.weights=none"),
    *("maf.hidden=16", "body=tiny", "data=tiny", "data.augmentation=null", "trainer.accelerator=cpu"),
    *("trainer.precision=32-true", "trainer.max_steps=4", "trainer.log_every_n_steps=1", "optimizer.lr=1e-3"),
    *("callbacks.panel=null", "seed=0", "data.batch_size=4"),
]
HALVES = ["trainer=ddp", "data.batch_size=2"]


def command(data: Path, *overrides: str) -> list[str]:
    """`train.py` and its settings; those given replace the ones above."""
    given = {override.partition("=")[0] for override in overrides}
    kept = [o for o in SAME if o.partition("=")[0] not in given]
    return [str(ROOT / "train.py"), *overrides, *kept, f"paths.data={data}"]  # `-m` must come first


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def without_ranks(**more: str) -> dict[str, str]:
    """The environment, without what would make a process one rank of many."""
    return {name: value for name, value in os.environ.items() if name not in RANK_VARIABLES} | more


def figures(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())
