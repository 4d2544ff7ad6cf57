"""The report in W&B: one sentence without an account, and panels over what runs really record."""

import importlib.util
from pathlib import Path

import pytest

from maflab.report.__main__ import main
from maflab.report.wandb_dashboard import dashboard


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # no netrc


def test_without_an_account_the_remedy_is_one_sentence(no_account: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wandb", "multirun/levels"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "wandb login" in said
    assert "wandb sync multirun/levels/" in said


def test_without_the_package_the_remedy_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["wandb", "levels"]) == 1
    assert "pip install -e '.[wandb]'" in capsys.readouterr().err


def test_every_panel_grid_shows_the_runs_of_the_sweep_only() -> None:
    wr = pytest.importorskip("wandb_workspaces.reports.v2")
    report = dashboard("levels", "maflab", "me", "mpjpe")
    grids = [block for block in report.blocks if isinstance(block, wr.PanelGrid)]
    assert len(grids) == 3
    for grid in grids:
        (runs,) = grid.runsets
        assert (runs.entity, runs.project) == ("me", "maflab")
        assert "levels" in str(runs.filters)
    over_iterations = grids[0].panels[0]
    assert "result/iteration" in str(over_iterations.x)
    assert "result/mpjpe" in str(over_iterations.y)
    assert over_iterations.groupby_rangefunc == "stddev"  # the spread over the seeds is in the picture
