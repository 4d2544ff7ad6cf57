"""The report in W&B: one sentence without an account, and with one, panels over what runs really record."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from maflab.report.__main__ import main


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


class Account:
    """W&B's `Api` of an account with one project, which keeps what it is asked to store.

    It stands at the border of the process: everything above is W&B's own, down to the words on the wire.
    """

    default_entity = "me"
    app_url = "https://wandb.test"

    def __init__(self) -> None:
        self._service_api = self  # where W&B's packages look for `execute_graphql`
        self.name = "maflab"
        self.stored: list[dict[str, Any]] = []

    def projects(self, entity: str) -> list["Account"]:
        return [self]

    def runs(self, path: str, filters: dict[str, str]) -> list[str]:
        return ["a run"] if (path, filters) == ("me/maflab", {"group": "levels"}) else []

    def execute_graphql(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if "spec" not in variables:
            return {"project": {"internalId": "UHJvamVjdA=="}}
        self.stored.append(variables)
        kept = {name: variables[name] for name in ("name", "displayName", "description", "spec")}
        times = {"createdAt": "2026-01-01T00:00:00", "updatedAt": "2026-01-01T00:00:00"}
        project = {"name": variables["projectName"], "entityName": variables["entityName"]}
        return {"upsertView": {"view": {"id": "abc", "project": project} | kept | times}}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    pytest.importorskip("wandb_workspaces", reason="no W&B reports: pip install -e '.[wandb]'")
    account = Account()
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr("wandb.Api", lambda: account)
    return account


def test_what_is_sent_shows_the_cells_of_the_sweep(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wandb", "multirun/levels", "--metric", "mpjpe"]) == 0
    assert capsys.readouterr().out.startswith("https://wandb.test/me/maflab/reports/levels")
    (sent,) = account.stored
    assert (sent["entityName"], sent["projectName"], sent["type"]) == ("me", "maflab", "runs")
    grids = [b["metadata"] for b in json.loads(sent["spec"])["blocks"] if b["type"] == "panel-grid"]
    for grid in grids:
        (runs,) = grid["runSets"]
        assert (runs["project"]["entityName"], runs["project"]["name"]) == ("me", "maflab")
        ((key, value),) = [(f["key"], f["value"]) for f in runs["filters"]["filters"]]
        assert (key, value) == ({"section": "run", "name": "group"}, "levels")
    # The cell's runs are one line, with their spread; `cell` is a key of the config that `logger=wandb` sends.
    cell = {"section": "config", "name": "cell.value"}
    assert [grid["runSets"][0]["grouping"] for grid in grids] == [[cell], [cell], []]
    panels = {p["config"].get("chartTitle"): p["config"] for g in grids for p in g["panelBankSectionConfig"]["panels"]}
    over_iterations = panels["MPJPE against iteration, test"]
    assert (over_iterations["xAxis"], over_iterations["metrics"]) == ("result/iteration", ["result/mpjpe"])
    assert (over_iterations["groupBy"], over_iterations["groupArea"]) == ("cell.value", "stddev")
    assert panels["MPJPE, last iteration, test"]["metrics"] == ["result/mpjpe"]
    assert panels["MPJPE of every iteration, validation"]["metricRegex"] == "val/iter[0-9]+/mpjpe"
    assert panels["Pictures"]["mediaKeys"] == ["panel"]


def test_a_sweep_that_was_not_sent_is_told(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wandb", "points"]) == 1
    assert "me/maflab has no runs of a group 'points'" in capsys.readouterr().err
    assert account.stored == []
