"""W&B records offline without an account and is closed, so that the next job starts its own run."""

import time
from pathlib import Path

import pytest
import wandb

from maflab.training.run import train

from .conftest import Compose


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # no netrc
    monkeypatch.setenv("WANDB_RUN_GROUP", "a-group")


def test_run_without_an_account_is_recorded_and_closed(no_account: None, small: Compose, tmp_path: Path) -> None:
    given = ["+experiment=maf_1iter", "logger=wandb", "tags=[a,b]"]
    train(small(tmp_path / "run", *given, panel=True))
    assert wandb.run is None
    records = list((tmp_path / "run" / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len(records) == 1
    assert _written(records[0], b"a-group")
    assert list(records[0].parent.glob("files/media/images/panel*.png"))


def _written(record: Path, text: bytes, seconds: float = 60.0) -> bool:
    """Whether the text gets into the record: W&B's own process writes it out a little after `finish` has returned."""
    end = time.monotonic() + seconds
    while text not in record.read_bytes():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def test_a_failing_run_is_closed_too(no_account: None, small: Compose, tmp_path: Path) -> None:
    config = small(
        tmp_path / "run", "+experiment=maf_1iter", "logger=wandb", "callbacks.best=null", "callbacks.last=null"
    )
    with pytest.raises(Exception, match="No checkpoint was written"):
        train(config)
    assert wandb.run is None
