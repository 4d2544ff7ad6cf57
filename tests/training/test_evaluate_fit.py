"""The optimisation baseline through the command `evaluate`: alone, and behind a network."""

import json
from pathlib import Path
from typing import Any

import pytest

from maflab.training.errors import OverrideError
from maflab.training.evaluation import evaluate

from .conftest import Trained, compose_config
from .test_evaluate import assert_same

QUICK = ["fit=smplify", "fit.steps=4", "fit.torso_steps=2", "fit.prior_weights=[1.0]", "callbacks.panel=null"]


def run(trained: Trained, folder: Path, *overrides: str) -> dict[str, Any]:
    paths = [f"paths.output={folder}", f"paths.data={trained.config.paths.data}"]
    return evaluate(compose_config("evaluate", *paths, *QUICK, *overrides))


def test_a_network_is_refined(trained: Trained, tmp_path: Path) -> None:
    result = run(trained, tmp_path, f"checkpoint={trained.result['checkpoint']}")
    metrics = dict(result["metrics"])
    fit = metrics.pop("fit")
    assert_same(metrics, trained.result["metrics"])  # the network's rows are those without a fit
    assert fit["pck"] > metrics["iter3"]["pck"]
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert list(written["metrics"]) == ["iter0", "iter1", "iter2", "iter3", "fit"]
    assert "labelled 2D key points" in written["notes"]["fit"]
    assert "the Gaussian of 16 pose labels of the training data" in written["notes"]["fit"]
    assert written["fit"]["steps"] == 4


def test_fit_is_a_method_of_its_own(trained: Trained, tmp_path: Path) -> None:
    result = run(trained, tmp_path, "body=tiny", "data=tiny")
    assert list(result["metrics"]) == ["iter0", "fit"]
    assert result["checkpoint"] is None
    expected = trained.result["metrics"]["iter0"]
    assert result["metrics"]["iter0"] == pytest.approx(expected, rel=1e-5)  # both start from the mean parameters
    assert result["metrics"]["fit"]["pck"] > 1.5 * expected["pck"]


def test_a_fit_of_nothing_is_refused(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(OverrideError, match=r"needs data=\.\.\."):
        run(trained, tmp_path, "body=tiny")
    with pytest.raises(OverrideError, match=r"needs body=\.\.\."):
        run(trained, tmp_path, "data=tiny")
    with pytest.raises(OverrideError, match=r"fit: .*fall to 1"):
        run(trained, tmp_path, "body=tiny", "data=tiny", "fit.prior_weights=[1.0,2.0]")
