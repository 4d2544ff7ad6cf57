"""What every test gets: one thread, fixed seeds, no network logging, the small body without a download."""

import os

# Before numpy, torch and matplotlib are imported: they read these only once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("WANDB_MODE", "offline")
os.environ.setdefault("WANDB_SILENT", "true")

import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from maflab.body.arrays import BodyArrays
    from maflab.body.model import BodyModel

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Seed Python, NumPy and torch, so that a test does not depend on the tests before it."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def no_rank_left() -> Iterator[None]:
    """Fail a test that leaves the later ones variables by which they would take themselves for a rank of many."""
    names = ("RANK", "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "PL_GLOBAL_SEED")
    before = {name: os.environ.get(name) for name in names}
    yield
    left = {name: os.environ.get(name) for name in names if os.environ.get(name) != before[name]}
    assert not left, f"the environment of later tests has other ranks in it: {left}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, for the tests of a module: playwright's loop would be in the way of other tests with one."""
    from chromium import chromium

    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def tiny_arrays() -> "BodyArrays":
    """The procedural body of a few hundred vertices, as arrays. Shared by all tests: do not write into it."""
    from maflab.body.tiny import tiny_body

    return tiny_body()


@pytest.fixture(scope="session")
def tiny_body(tiny_arrays: "BodyArrays") -> "BodyModel":
    """The same body as a module on the CPU in float32. Shared by all tests: copy it before changing it."""
    from maflab.body.model import BodyModel

    return BodyModel(tiny_arrays)


@pytest.fixture(scope="session")
def anny_folder() -> Path:
    """The folder of body files of a checkout, with the licence-free body in it; baking it takes a minute, once."""
    from maflab.body.load import load_body

    folder = Path(__file__).resolve().parents[1] / "data" / "body"
    load_body("anny", folder)
    return folder
