"""What is misspelt or has no effect stops with its name and a suggestion."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.errors import HydraException
from omegaconf.errors import MissingMandatoryValue

from maflab.training.command import describe
from maflab.training.errors import OverrideError
from maflab.training.overrides import check_config, check_overrides

from .conftest import CONF, compose_config


@pytest.mark.parametrize(
    ("override", "suggestion"),
    [
        ("trainr.max_steps=3", "trainer.max_steps?"),
        ("trainer.max_stesp=3", "trainer.max_steps?"),
        ("max_steps=3", "trainer.max_steps?"),
        ("encodr=small", "encoder?"),
        ("encoder=smal", "small?"),
        ("+experiment=maf_4iter", "maf_3iter?"),
        ("~loger", "logger?"),
        ("maf.iteration=3", "maf.iterations?"),
    ],
)
def test_what_hydra_refuses_gets_a_suggestion(override: str, suggestion: str) -> None:
    with pytest.raises(HydraException) as raised:
        compose_config("train", override)
    message = describe(raised.value, CONF, "train")
    assert message is not None
    assert message.endswith(f"did you mean {suggestion}")
    assert override.lstrip("+~").split("=")[0].split(".")[-1] in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("override", "suggestion"),
    [
        ("+trainer.max_stepss=3", "trainer.max_steps?"),
        ("+experimnt=maf_3iter", "experiment?"),
        ("+callbacks.bset.monitor=x", "callbacks.best?"),
        ("+callbacks.best.moniter=x", "callbacks.best.monitor?"),
        ("+data.augmentation.geometry.filp=0", "data.augmentation.geometry.flip?"),
        ("+paths.boddy=x", "paths.body?"),
        ("+report.spilt=val", "report.split?"),
        ("+lodger=csv", "logger?"),
    ],
)
def test_what_slips_past_hydra_is_caught(override: str, suggestion: str) -> None:
    with pytest.raises(OverrideError) as raised:
        check_config(compose_config("train", override, "paths.output=here"), CONF / "train.yaml")
    assert str(raised.value).endswith(f"did you mean {suggestion}")


@pytest.mark.parametrize(
    "override", ["+trainer.limit_predict_batches=2", "+optimizer.maximize=false", "~callbacks.panel"]
)
def test_what_the_target_takes_may_be_added(override: str) -> None:
    config = compose_config("train", override, "paths.output=here")
    check_config(config, CONF / "train.yaml")
    check_overrides(config, [override])


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["aux_head=none", "loss.part=2"], "no auxiliary head"),
        (["maf=global", "maf.grid=11"], "no iteration reads a grid"),
        (["maf=grid", "maf.points=100"], "no iteration reads the mesh"),
        (["maf.iterations=1", "maf.points=100"], "no iteration reads the mesh"),
        (["maf=global", "maf.schedule=[0]"], "pooled vector"),
        (["optimizer.lr=1", "optimizer.lr=2"], "2 times"),
    ],
)
def test_a_setting_without_effect_is_refused(overrides: list[str], reason: str) -> None:
    config = compose_config("train", *overrides, "paths.output=here")
    with pytest.raises(OverrideError, match=reason):
        check_overrides(config, overrides)
    check_overrides(config, overrides[:1])


def test_command_ends_with_one_line_and_status_1(tmp_path: Path) -> None:
    train = [sys.executable, str(CONF.parent / "train.py")]
    run = subprocess.run(
        [*train, "+experiment=maf_3iter", "optimizr.lr=1"], cwd=tmp_path, capture_output=True, text=True, timeout=280
    )
    assert run.returncode == 1
    assert run.stderr == "maflab: There is no setting optimizr.lr; did you mean optimizer.lr?\n"
    assert run.stdout == ""


def test_errors_inside_a_job_end_the_same_way(tmp_path: Path) -> None:
    evaluate = [sys.executable, str(CONF.parent / "evaluate.py")]
    run = subprocess.run([*evaluate, "checkpoint=none.ckpt"], cwd=tmp_path, capture_output=True, text=True, timeout=280)
    assert run.returncode == 1
    assert run.stderr.startswith("maflab: There is no checkpoint none.ckpt")
    assert len(run.stderr.splitlines()) == 1


def test_missing_mandatory_value_is_named() -> None:
    config = compose_config("evaluate")
    with pytest.raises(MissingMandatoryValue) as raised:
        _ = config.checkpoint
    assert describe(raised.value, CONF, "evaluate") == "checkpoint must be given: checkpoint=..."


def test_faults_of_the_program_keep_their_traceback() -> None:
    assert describe(ZeroDivisionError("x"), CONF, "train") is None


def test_full_disk_is_told() -> None:
    message = describe(OSError(errno.ENOSPC, "No space left on device", "x.ckpt"), CONF, "train")
    assert str(message).startswith("The disk is full (x.ckpt)")
