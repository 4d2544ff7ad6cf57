"""Every command of docs/pymaf.md; those of `prepare.py` are run where the released checkpoint is made up."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from protocol_packs import mesh_labels, person, write_pack
from smpl_standin import importable_chumpy

from maflab.body.model import BodyModel
from maflab.data.synthetic.clip import Clip
from maflab.inference.example_clip import write_clip
from maflab.inference.result_file import load_recording
from maflab.training.demo import demo
from maflab.training.evaluation import evaluate
from maflab.training.overrides import check_config, check_overrides
from maflab.training.run import train

from .conftest import CONF, compose_config
from .released_bench import Released, page_commands, smpl_arrays

PACKS = ("h36m", "lsp", "lspet", "mpii", "coco", "mpi_inf_3dhp")
SMALL = {
    "evaluate": ["callbacks.panel=null"],
    "demo": ["detector=whole", "overlay=none", "export=[npz]"],
    "train": ["trainer.max_steps=1", "data.batch_size=2", "data.workers=0", "callbacks.panel=null"],
}


@pytest.fixture
def here(released: Released, tiny_body: BodyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of the checkpoint, with packs, a clip and a key point detector's weights beside it."""
    monkeypatch.chdir(released.data.parent)
    monkeypatch.delenv("MAFLAB_DATA", raising=False)
    with importable_chumpy():
        content = pickle.dumps(smpl_arrays(), protocol=2)
    for gender in ("MALE", "FEMALE"):
        (released.data / "body" / "smpl" / f"SMPL_{gender}.pkl").write_bytes(content)
    people = [person(i, **mesh_labels(i)) for i in range(3)]
    for pack in (*(f"{name}/train" for name in PACKS), "threedpw/val", "threedpw/test"):
        write_pack(Path(f"data/packs/{pack}.h5"), people)
    write_clip(Path("clip.mp4"), tiny_body, Clip(6, people=1, size=(160, 90)))
    parts = ("feature_extractor.", "deconv_layers.")
    own = {name: tensor for name, tensor in released.tensors.items() if name.startswith(parts)}
    detector = {name.removeprefix(parts[0]): tensor for name, tensor in own.items()}
    torch.save(detector | {"final_layer.weight": torch.zeros(17, 256, 1, 1)}, "pose_resnet_50_256x192.pth.tar")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("here")
def test_the_commands_of_the_page() -> None:
    results: dict[str, Any] = {}
    for python, script, *given in page_commands():
        assert (python, (CONF.parent / script).is_file()) == ("python", True)
        root = Path(script).stem
        if root != "prepare":
            config = compose_config(root, *given, *SMALL[root], f"paths.output=output/{root}")
            check_config(config, CONF / f"{root}.yaml")
            check_overrides(config, given)
            results[root] = {"evaluate": evaluate, "demo": demo, "train": train}[root](config)
    assert results["evaluate"]["protocol"]["protocol"] == results["train"]["protocol"]["protocol"] == "3DPW"
    assert results["evaluate"]["protocol"]["measured"] == 3
    assert len(load_recording(Path("output/demo/result.npz")).times) == 6
    assert results["train"]["step"] == 1
