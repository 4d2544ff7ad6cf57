"""docs/smpl.md on stand-ins for SMPL's files: from true-format label files to a training step and 3DPW's figure."""

import pickle
import re
import shlex
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from protocol_packs import write_bodies
from spin_files import spin_arrays, write_spin

from maflab.body.model import BodyModel
from maflab.body.smpl_file import _NAMES
from maflab.data.pack_reader import PackReader
from maflab.training.checkpoint import load_model
from maflab.training.doctor import doctor
from maflab.training.evaluation import evaluate
from maflab.training.overrides import check_config, check_overrides
from maflab.training.preparing import prepare
from maflab.training.run import train

from .conftest import CONF, SMALL_ENCODER, SMALL_LOOP, compose_config
from .protocol_bench import Bench
from .test_protocols import FOURTEEN, errors, final_estimate, labelled_meshes, off, skinned

PAGE = (CONF.parent / "docs" / "smpl.md").read_text()
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
COUNT = 5
# The training at a scale of seconds; the loop stays that of the paper.
SMALL = [*SMALL_ENCODER, *SMALL_LOOP, "data.resolution=64", "data.batch_size=2", "data.eval_batch_size=4"]
SMALL += ["data.workers=0", "trainer.max_steps=1", "callbacks.panel=null", "trainer.precision=32-true"]


def sequence(arrays: dict[str, Any]) -> dict[str, Any]:
    """One of 3DPW's own sequences: an actor, a camera that stands still."""
    joints = np.stack([row[:, :3] + (0, 0, 4) for row in arrays["S"]])
    return {
        "sequence": "courtyard_00",
        "poses": [arrays["pose"]],
        "betas": [arrays["shape"][0]],
        "genders": ["m"],
        "campose_valid": [np.ones(COUNT)],
        "cam_poses": np.tile(np.eye(4), (COUNT, 1, 1)),
        "cam_intrinsics": np.array([[400.0, 0, 320], [0, 400, 260], [0, 0, 1]]),
        "jointPositions": [joints.reshape(COUNT, 72)],
    }


@pytest.fixture
def here(tmp_path: Path, tiny_body: BodyModel, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A working folder with the files of the page in their places; what the label files hold."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAFLAB_DATA", raising=False)
    raw = tmp_path / "data" / "raw"
    arrays = spin_arrays(tiny_body, COUNT, raw / "h36m")
    write_spin(raw / "dataset_extras" / "h36m_mosh_train.npz", arrays, without=("openpose", "has_smpl", "gender"))
    (raw / "threedpw").symlink_to(raw / "h36m")
    write_spin(raw / "dataset_extras" / "3dpw_test.npz", arrays, without=("part", "openpose", "S", "has_smpl"))
    labels = raw / "threedpw" / "sequenceFiles" / "validation" / "courtyard_00.pkl"
    labels.parent.mkdir(parents=True)
    labels.write_bytes(pickle.dumps(sequence(arrays), protocol=2))
    for frame in range(COUNT):
        picture = raw / "threedpw" / "imageFiles" / "courtyard_00" / f"image_{frame:05d}.jpg"
        picture.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(picture), np.full((520, 640, 3), 90, np.uint8))
    return arrays


@pytest.mark.slow
def test_the_commands_of_the_page(here: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    bodies = write_bodies(Path("data/body"))
    results: dict[str, Any] = {}
    for number, command in enumerate(COMMANDS):
        python, script, *given = shlex.split(command)
        assert (python, (CONF.parent / script).is_file()) == ("python", True)
        root = Path(script).stem
        if given == ["doctor"]:
            doctor(CONF, [])
            assert "SMPL, female" in capsys.readouterr().out
            continue
        if root == "evaluate":
            given = [
                f"checkpoint={results['train']['checkpoint']}" if o == "checkpoint=best.ckpt" else o for o in given
            ]
        small = {"train": SMALL, "evaluate": ["callbacks.panel=null"], "prepare": ["workers=0"]}[root]
        config = compose_config(root, *given, *small, f"paths.output=output/{number}")
        check_config(config, CONF / f"{root}.yaml")
        check_overrides(config, given)
        results[root] = {"train": train, "evaluate": evaluate, "prepare": prepare}[root](config)
    for pack in ("h36m/train", "threedpw/val", "threedpw/test"):
        assert len(PackReader(f"data/packs/{pack}.h5")) == COUNT, pack
        assert '"sheet_body": "smpl"' in Path(f"data/packs/{pack}.summary.json").read_text()
    assert results["train"]["step"] == 1
    # data=mixed measures as data=threedpw does, and both as the plain way below.
    assert results["train"]["protocol"]["protocol"] == results["evaluate"]["protocol"]["protocol"] == "3DPW"
    assert results["train"]["metrics"]["iter3"] == pytest.approx(results["evaluate"]["metrics"]["iter3"], rel=1e-4)
    checkpoint = Path(results["train"]["checkpoint"])
    bench = Bench(Path("data"), bodies, checkpoint, load_model(checkpoint, Path("data/body")).eval())
    estimate = final_estimate(bench, Path("data/packs/threedpw/test.h5"))
    vertices, _ = skinned(bodies["neutral"], estimate.rotations, estimate.betas)
    rows = zip(here["pose"], here["shape"], here["gender"], strict=True)
    people = [{"pose": pose, "betas": betas, "gender": "mf".index(gender)} for pose, betas, gender in rows]
    truth, _ = labelled_meshes(bench, people, gendered=True)
    joints, true_joints = vertices[:, :17] - vertices[:, :1], truth[:, :17] - truth[:, :1]
    row = results["evaluate"]["metrics"]["iter3"]
    assert (row["mpjpe"], row["pa_mpjpe"]) == pytest.approx(
        errors(joints[:, FOURTEEN], true_joints[:, FOURTEEN]), rel=1e-3
    )
    assert row["pve"] == pytest.approx(off(vertices - vertices[:, :1], truth - truth[:, :1]), rel=1e-3)


def test_the_page_names_the_files_that_are_looked_for() -> None:
    for name in (*_NAMES["neutral"], _NAMES["male"][0], _NAMES["female"][0]):
        assert f"`{name}`" in PAGE
    assert len(COMMANDS) == 6
