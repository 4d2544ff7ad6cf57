"""A stand-in of PyMAF's released checkpoint on SMPL's stand-in, and what maflab makes of it."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix
from smpl_standin import VERTICES, Ch, smpl_content, write_folder
from torch import Tensor

from maflab.models.recovery import MeshRecovery
from maflab.training.checkpoint import load_model

from .pymaf_restated import ReleasedNetwork, save_released, untrained_but_alive

ROOT = Path(__file__).parents[2]


class Released(NamedTuple):
    """The stand-in of the released file, and what maflab made of it."""

    network: ReleasedNetwork
    tensors: dict[str, Tensor]
    data: Path  # the folder with SMPL's stand-in and the checkpoint
    said: str
    model: MeshRecovery
    exported: dict[str, Tensor]

    @property
    def checkpoint(self) -> Path:
        return self.data / "checkpoints" / "pymaf.ckpt"


def smpl_arrays() -> dict[str, Any]:
    """The stand-in's content with weights, corrections and joints that blend as SMPL's do."""
    rng = np.random.default_rng(3)
    blended = np.zeros((VERTICES, 24))
    np.put_along_axis(blended, rng.random((VERTICES, 24)).argsort(1)[:, :3], rng.dirichlet(np.ones(3), VERTICES), 1)
    rows, columns = np.repeat(np.arange(24), 40), rng.permutation(VERTICES)[:960]
    regressor = csr_matrix((rng.dirichlet(np.ones(40), 24).ravel(), (rows, columns)), shape=(24, VERTICES))
    return smpl_content() | {
        "weights": Ch(blended),
        "J_regressor": regressor.tocsc(),
        "posedirs": rng.normal(0, 0.01, (VERTICES, 3, 207)),
        "shapedirs": Ch(rng.normal(0, 0.02, (VERTICES, 3, 10))),
    }


def page_commands() -> list[list[str]]:
    """What docs/pymaf.md has to be typed, word by word."""
    page = (ROOT / "docs" / "pymaf.md").read_text()
    blocks = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def make_released(folder: Path) -> Released:
    """Writes all of it into a folder, and runs what docs/pymaf.md says of `prepare.py` there."""
    torch.manual_seed(0)
    data, rng = folder / "data", np.random.default_rng(4)
    content = smpl_arrays()
    write_folder(data / "body" / "smpl", content)
    extra = np.zeros((9, VERTICES))
    np.put_along_axis(extra, rng.permutation(VERTICES)[:180].reshape(9, 20), rng.dirichlet(np.ones(20), 9), 1)
    np.save(data / "body" / "smpl" / "J_regressor_extra.npy", extra)
    dmap = torch.zeros(431, VERTICES)
    dmap[torch.arange(431), torch.from_numpy(rng.permutation(VERTICES)[:431])] = 1
    dmap[7, :3], dmap[400, 5000] = torch.tensor([0.25, 0.25, 0.5]), 0.5  # sums of several vertices too
    plain = {key: value.x if isinstance(value, Ch) else value for key, value in content.items()}
    network = untrained_but_alive(ReleasedNetwork(plain, extra, dmap))
    tensors = save_released(network, folder / "PyMAF_model_checkpoint.pt")
    (folder / "best.ckpt").symlink_to(data / "checkpoints" / "pymaf.ckpt")
    both = [override for _, script, *given in page_commands() if script == "prepare.py" for override in given]
    assert both == ["import=PyMAF_model_checkpoint.pt", "export=best.ckpt", "export_to=ours.pt"]
    done = prepare(*both, folder=folder)
    assert done.returncode == 0, done.stderr
    checkpoint = data / "checkpoints" / "pymaf.ckpt"
    model = load_model(checkpoint, data / "body")
    exported = torch.load(folder / "ours.pt", weights_only=True)["model"]
    return Released(network, tensors, data, done.stdout + done.stderr, model, exported)


def prepare(*overrides: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command, given in the folder."""
    command = [sys.executable, str(ROOT / "prepare.py"), f"hydra.run.dir={folder}/run", *overrides]
    own = {name: value for name, value in os.environ.items() if name != "MAFLAB_DATA"}
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, cwd=folder, env=own)
