"""evaluate.py's numbers are training's; a checkpoint that does not fit says so."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.errors import HydraException
from omegaconf import OmegaConf

from maflab.models.maf import MAFLoop
from maflab.models.pyramid import FeaturePyramid
from maflab.training.checkpoint import load_model, load_part, read_checkpoint
from maflab.training.command import describe
from maflab.training.errors import CheckpointError, OverrideError
from maflab.training.evaluation import evaluate
from maflab.training.overrides import check_config
from maflab.training.run import train

from .conftest import CONF, Trained, compose_config


def run(trained: Trained, folder: Path, *overrides: str, checkpoint: Path | None = None) -> dict[str, Any]:
    checkpoint = checkpoint or Path(trained.result["checkpoint"])
    paths = [f"paths.output={folder}", f"paths.data={trained.config.paths.data}"]
    return evaluate(compose_config("evaluate", f"checkpoint={checkpoint}", *paths, *overrides))


def assert_same(metrics: dict[str, dict[str, float]], expected: dict[str, dict[str, float]]) -> None:
    """Equal to the rounding of float32: sums of the same numbers may differ in their last bit from run to run."""
    assert metrics.keys() == expected.keys()
    for row, values in expected.items():
        assert metrics[row] == pytest.approx(values, rel=1e-5)


def test_evaluation_reproduces_training(trained: Trained, tmp_path: Path) -> None:
    assert_same(run(trained, tmp_path)["metrics"], trained.result["metrics"])
    assert {path.name for path in tmp_path.iterdir()} >= {"metrics.json", "panel.png"}


def test_other_data_replace_the_checkpoints(trained: Trained, tmp_path: Path) -> None:
    other = run(trained, tmp_path, "split=val", "callbacks.panel=null", "+data.limit_val=3")
    assert other["metrics"] != trained.result["metrics"]
    same = run(trained, tmp_path, "data=tiny", "callbacks.panel=null")
    assert_same(same["metrics"], trained.result["metrics"])


def test_settings_of_the_data_are_laid_over_the_checkpoints(trained: Trained, tmp_path: Path) -> None:
    """One sample, one sequence: the smallest set there is."""
    given = ["+data.limit_test=1", "callbacks.panel=null", f"checkpoint={trained.result['checkpoint']}"]
    check_config(compose_config("evaluate", *given, "paths.output=x"), CONF / "evaluate.yaml")
    one = run(trained, tmp_path, *given[:2])
    assert one["protocol"]["samples"] == 1
    (sequence,) = json.loads((tmp_path / "breakdown.json").read_text())["sequences"].values()
    assert sequence["samples"] == 1
    assert sequence["mpjpe"] == pytest.approx(one["metrics"]["iter3"]["mpjpe"], rel=1e-4)
    with pytest.raises(OverrideError, match=r"no setting data\.limt_test .*did you mean data\.limit_test\?"):
        run(trained, tmp_path, "+data.limt_test=1")


def test_parts_that_are_not_chosen_have_no_settings(tmp_path: Path) -> None:
    with pytest.raises(OverrideError, match=r"body\.gender changes nothing without body=\.\.\.; there are anny, smpl"):
        check_config(compose_config("evaluate", "+body.gender=male", "paths.output=x"), CONF / "evaluate.yaml")
    with pytest.raises(OverrideError, match=r"A fit without a checkpoint needs data=\.\.\."):
        evaluate(
            compose_config("evaluate", "fit=smplify", "body=tiny", "+data.limit_test=1", f"paths.output={tmp_path}")
        )
    with pytest.raises(HydraException) as raised:
        compose_config("evaluate", "data.limit_test=1")
    said = (
        "data.limit_test stands alone: +data.limit_test=... changes the checkpoint's own data, data=... chooses others"
    )
    assert describe(raised.value, CONF, "evaluate") == said


def test_data_are_found_where_they_are_now(trained: Trained, tmp_path: Path) -> None:
    """The checkpoint may come from another machine, with its data folder elsewhere."""
    content = torch.load(trained.result["checkpoint"], weights_only=True)
    before = str(trained.config.paths.data)
    config = OmegaConf.to_yaml(OmegaConf.create(content["maflab"]["config"])).replace(before, "/elsewhere")
    content["maflab"]["config"] = OmegaConf.to_container(OmegaConf.create(config))
    torch.save(content, tmp_path / "moved.ckpt")
    moved = run(trained, tmp_path, "callbacks.panel=null", checkpoint=tmp_path / "moved.ckpt")
    assert_same(moved["metrics"], trained.result["metrics"])


def test_a_report_that_cannot_be_made_is_refused_before_training(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(OverrideError, match="no split 'tset'"):
        run(trained, tmp_path, "split=tset")
    with pytest.raises(OverrideError, match="best or last, not 'worst'"):
        train(compose_config("train", "report.weights=worst", f"paths.output={tmp_path}"))


def test_another_body_is_refused(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="trained with body=tiny, and body=anny"):
        run(trained, tmp_path, "body=anny")


def test_bad_files_are_named(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        read_checkpoint(tmp_path / "none.ckpt")
    damaged = tmp_path / "damaged.ckpt"
    damaged.write_bytes(Path(trained.result["checkpoint"]).read_bytes()[:5000])
    with pytest.raises(CheckpointError, match=r"damaged\.ckpt cannot be read"):
        read_checkpoint(damaged)
    torch.save({"model": {}}, tmp_path / "foreign.ckpt")
    with pytest.raises(CheckpointError, match="not a checkpoint of maflab"):
        read_checkpoint(tmp_path / "foreign.ckpt")


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path(tmp_path / "touched").touch, ())

    torch.save({"maflab": Attack()}, tmp_path / "attack.ckpt")
    with pytest.raises(CheckpointError):
        read_checkpoint(tmp_path / "attack.ckpt")
    assert not (tmp_path / "touched").exists()


def test_model_is_rebuilt_from_the_file_alone(trained: Trained) -> None:
    model = load_model(trained.result["checkpoint"])
    state = read_checkpoint(trained.result["checkpoint"])["state_dict"]
    assert not model.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, state[name])


def test_one_part_is_loaded_alone(trained: Trained) -> None:
    path = trained.result["checkpoint"]
    pyramid = FeaturePyramid("test_resnet", 3, 8, weights="none")
    load_part(pyramid, "pyramid", path)
    saved = read_checkpoint(path)["state_dict"]
    for name, tensor in pyramid.state_dict().items():
        assert torch.equal(tensor, saved[f"pyramid.{name}"])
    with pytest.raises(CheckpointError, match=r"stages\.0\.\S+ is \(.* instead of \("):
        load_part(FeaturePyramid("test_resnet", 3, 16, weights="none"), "pyramid", path)
    with pytest.raises(CheckpointError, match="There is no part 'loop'"):
        load_part(pyramid, "loop", path)


def test_loop_is_loaded_alone(trained: Trained) -> None:
    model = load_model(trained.result["checkpoint"])
    sizes = {"levels": 3, "points": 20, "grid": 4, "reduction": (8, 5), "hidden": 16}
    loop = MAFLoop(model.body, 8, model.pyramid.global_channels, **sizes)
    load_part(loop, "maf", trained.result["checkpoint"])
    assert torch.equal(loop.regressors[0].pose.weight, model.maf.regressors[0].pose.weight)
