"""What a finished run leaves: errors sample by sample, the ends of their list as pictures, protocol card and cost."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from maflab.training.build import build_body, build_datamodule
from maflab.training.extremes import draw_extremes
from maflab.training.protocol import protocol_card

from .conftest import Compose, Trained


def test_the_table_is_the_mean_of_the_samples(trained: Trained) -> None:
    samples = np.load(trained.folder / "samples.npz")
    assert samples["index"].tolist() == list(range(8))  # the tiny test pack
    for t in range(4):
        row = trained.result["metrics"][f"iter{t}"]
        for name in ("mpjpe", "pa_mpjpe", "pve"):
            assert samples[name][t].mean() == pytest.approx(row[name], rel=1e-5)


def test_pictures_of_both_ends(trained: Trained) -> None:
    names = {path.name for path in (trained.folder / "samples").iterdir()}
    assert names == {f"{kind}_{place}.png" for kind in ("best", "worst") for place in range(4)}


def test_the_worst_picture_shows_the_worst_sample(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from maflab.models.recovery import MeshRecovery

    data = build_datamodule(trained.config, build_body(trained.config))
    data.setup("test")
    drawn: list[torch.Tensor] = []

    def remember(model: nn.Module, batch: tuple) -> np.ndarray:
        drawn.append(batch[0][0])
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr("maflab.training.extremes.draw_panel", remember)
    error = np.array([[5.0, np.nan, 9, 1, 2, 3, 4, 6]], np.float32)
    samples = {"index": np.arange(8), "pa_mpjpe": error}
    model = MeshRecovery.__new__(MeshRecovery)
    nn.Module.__init__(model)
    monkeypatch.setattr(MeshRecovery, "device", torch.device("cpu"), raising=False)
    draw_extremes(model, data.test_set, samples, tmp_path, count=1)
    best, worst = drawn
    torch.testing.assert_close(best, data.test_set[3].image)
    torch.testing.assert_close(worst, data.test_set[2].image)
    assert cv2.imread(str(tmp_path / "samples" / "worst_0.png")) is not None


def test_the_protocol_card_names_the_samples(trained: Trained, small: Compose, tmp_path: Path) -> None:
    card = trained.result["protocol"]
    assert (card["samples"], card["split"], card["body"], card["resolution"]) == (8, "test", "tiny", 64)
    cards = {}
    for limit in (8, 5):
        config = small(tmp_path, "+experiment=maf_3iter", f"data.limit_test={limit}")
        data = build_datamodule(config, build_body(config))
        data.setup("test")
        cards[limit] = protocol_card(config, data.test_set, "test")
    assert cards[8] == card
    assert cards[5]["pack"] != card["pack"]


def test_cost(trained: Trained) -> None:
    cost = trained.result["cost"]
    assert cost["parameters"] > 1000
    assert 0 < cost["seconds_per_image"] < 1
    assert cost["peak_memory_mb"] > 100
    assert cost["train_seconds"] > 0
