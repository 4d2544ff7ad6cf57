"""Every command of docs/protocols.md, run on packs in the sets' true forms; workers and processes change nothing."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from protocol_packs import joint_labels, mesh_labels, person, write_pack

from .conftest import CONF
from .protocol_bench import Bench, run
from .test_protocols import assert_same_figures
from .wandb_record import read_run

ROOT = CONF.parent
COUNT = 5


def commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "protocols.md").read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture
def all_packs(bench: Bench) -> Path:
    """A pack of each set, and COCO's annotations."""
    packs = bench.data / "packs"
    meshes = [person(i, **mesh_labels(i)) for i in range(COUNT)]
    joints = [person(i, **joint_labels(i)) for i in range(COUNT)]
    for name in ("threedpw/test", "emdb/test", "agora/val", "../mine"):
        write_pack(packs / f"{name}.h5", meshes)
    for name in ("h36m_p1", "h36m_p2", "mpi_inf_3dhp"):
        write_pack(packs / f"{name}/test.h5", joints)
    both = [person(i, **joint_labels(i), **mesh_labels(i)) for i in range(COUNT)]
    write_pack(packs / "h36m_mosh/test.h5", both)
    write_pack(packs / "coco/val.h5", [person(i, image_id=i, source_crop=(9, 9, 0.5)) for i in range(COUNT)])
    label = {"category_id": 1, "iscrowd": 0, "num_keypoints": 17, "area": 9e3, "bbox": [0, 0, 90, 100]}
    annotations = [label | {"id": i + 1, "image_id": i, "keypoints": [50.0, 60, 2] * 17} for i in range(COUNT)]
    content = {"images": [{"id": i} for i in range(COUNT)], "annotations": annotations}
    file = bench.data / "raw/coco/annotations/person_keypoints_val2014.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content | {"categories": [{"id": 1, "name": "person"}]}))
    return bench.data


@pytest.mark.slow
@pytest.mark.usefixtures("one_network")
def test_the_commands_of_the_page(all_packs: Path, bench: Bench, tmp_path: Path) -> None:
    assert len(commands()) >= 10
    folders = {}
    for number, command in enumerate(commands()):
        python, script, checkpoint, *overrides = shlex.split(command)
        assert (python, script, checkpoint) == ("python", "evaluate.py", "checkpoint=best.ckpt")
        own = [o.replace("data.test=mine.h5", f"data.test={all_packs}/mine.h5") for o in overrides]
        result = run(bench, tmp_path / str(number), *own)
        folders[" ".join(overrides)] = tmp_path / str(number)
        assert result["metrics"]["iter2"], command
        if "logger=wandb" in own:
            (record,) = (tmp_path / str(number) / "wandb").glob("offline-run-*/run-*.wandb")
            summary = read_run(record).summary
            assert summary["protocol"]["ground truth gender"] == result["protocol"]["ground truth gender"]
            assert summary["result/published"]["PyMAF"]["mpjpe"] == 92.8
    with_workers = "data=threedpw data.eval_batch_size=3 data.workers=2"
    assert_same_figures(folders["data=threedpw"], folders[with_workers])


@pytest.mark.slow
@pytest.mark.timeout(1000)
@pytest.mark.usefixtures("one_network")
def test_processes_change_nothing(all_packs: Path, bench: Bench, tmp_path: Path) -> None:
    """The very command, pictures included, by two processes that get 3 and 2 of the people."""
    run(bench, tmp_path / "one", "data=threedpw")
    given = [sys.executable, str(ROOT / "evaluate.py"), f"checkpoint={bench.checkpoint}", f"paths.data={bench.data}"]
    two = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "data.eval_batch_size=2", "data.workers=0"]
    given += ["data=threedpw", "callbacks.panel=null", *two, f"hydra.run.dir={tmp_path}/two"]
    subprocess.run(given, check=True, timeout=900)
    assert_same_figures(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "two/samples/worst_0.png").is_file()
