"""TensorBoard and MLflow as W&B's alternatives, by config only; what is not installed is said in one sentence."""

import importlib.util
from pathlib import Path

import pytest

from maflab.training.build import build_logger
from maflab.training.errors import OverrideError
from maflab.training.logging import RunInfo
from maflab.training.run import train

from .conftest import Compose, compose_config


@pytest.mark.parametrize("package", ["tensorboard", "mlflow"])
def test_a_missing_package_is_named_with_its_remedy(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    config = compose_config("train", f"logger={package}", f"paths.output={tmp_path}")
    with pytest.raises(OverrideError, match=rf"logger={package} needs .*: pip install -e '\.\[{package}\]'"):
        build_logger(config, RunInfo(tmp_path, "name", [], None))


def test_tensorboard_gets_curves_pictures_and_the_table(small: Compose, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    result = train(small(tmp_path, "+experiment=maf_1iter", "logger=tensorboard", panel=True))
    # Lightning closes the file after training and opens another for what follows.
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"images": 0}).Reload()
    tags = events.Tags()
    assert {"train/loss", "val/iter0/pa_mpjpe", "val/iter1/pa_mpjpe", "test/iter1/pve"} <= set(tags["scalars"])
    assert events.Scalars("test/iter1/pve")[-1].value == pytest.approx(result["metrics"]["iter1"]["pve"])
    assert {"panel", "val/panel"} <= set(tags["images"])
    assert events.Images("panel")[0].encoded_image_string.startswith(b"\x89PNG")
    text = events.Tensors("result/text_summary")[0].tensor_proto.string_val[0].decode()
    assert f"| iter1 | {result['metrics']['iter1']['mpjpe']:.2f} |" in text


def test_mlflow_gets_curves_settings_and_the_table(
    small: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a local store keeps its files in ./mlruns
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("alembic")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    given = ["+experiment=maf_1iter", "logger=mlflow", f"logger.tracking_uri={uri}"]
    result = train(small(tmp_path / "run", *given, "tags=[a]"))
    client = mlflow.MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("maflab").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.tags["tags"] == "a"
    assert run.data.params["maf/iterations"] == "1"
    assert run.data.metrics["test/iter1/pve"] == pytest.approx(result["metrics"]["iter1"]["pve"])
    assert len(client.get_metric_history(run.info.run_id, "train/loss")) == 2
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["result.json"]
