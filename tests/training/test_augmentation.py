"""The recipes of augmentation=...: they change how a crop looks, and nothing of where things are."""

import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import DictConfig

from maflab.data.augment import Augmentation

from .conftest import CONF, compose_config

RECIPES = sorted(path.stem for path in (CONF / "augmentation").glob("*.yaml"))


def composed(*overrides: str) -> DictConfig:
    return compose_config("train", "paths.output=x", *overrides).data.augmentation


def always(config: DictConfig) -> Augmentation:
    """The recipe with every step in every picture; a setting that a step does not take is a warning there."""
    for step in config.appearance.values():
        step.p = 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return instantiate(config, _convert_="all")


def blobs(size: int = 224) -> np.ndarray:
    """White discs on grey, about 64, 64 and 150, 120."""
    picture = np.full((size, size, 3), 60, np.uint8)
    for centre in ((64, 64), (150, 120)):
        cv2.circle(picture, centre, 12, (235, 235, 235), -1)
    return picture


def test_the_default_is_the_published_one_alone() -> None:
    assert "appearance" not in composed()
    assert composed("augmentation=[]") == composed()


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_changes_pictures_reproducibly(recipe: str) -> None:
    augmentation = always(composed(f"augmentation={recipe}"))
    first, again, other = (augmentation.change_look(blobs(), np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first.shape == (224, 224, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, blobs())
    assert not np.array_equal(first, other) or recipe == "compression"


@pytest.mark.parametrize("recipe", ["colour", "blur", "noise", "compression"])
def test_a_recipe_moves_nothing(recipe: str) -> None:
    """Key points do not move with these, so bright discs must stay where they are, on the average of many draws."""
    augmentation = always(composed(f"augmentation={recipe}"))
    for x, y in ((64, 64), (150, 120)):
        offsets = []
        for seed in range(20):
            crop = augmentation.change_look(blobs(), np.random.default_rng(seed))
            window = crop[y - 30 : y + 31, x - 30 : x + 31].mean(-1)
            weight = np.clip(window - np.median(window), 0, None)
            place = np.arange(-30, 31)
            offsets.append((weight.sum(0) @ place / weight.sum(), weight.sum(1) @ place / weight.sum()))
        assert np.abs(offsets).max() < 1.0
        assert np.abs(np.mean(offsets, axis=0)).max() < 0.3


def test_recipes_are_combined_and_changed_by_setting() -> None:
    both = composed("augmentation=[blur,cutout]", "data.augmentation.appearance.cutout.p=1", "data=tiny")
    assert list(both.appearance) == ["focus", "motion", "low_resolution", "cutout"]
    less = composed("augmentation=strong", "data.augmentation.appearance.grey=null")
    assert len(instantiate(less, _convert_="all").appearance) == len(composed("augmentation=strong").appearance)


def test_cutouts_leave_most_of_the_picture(tmp_path: Path) -> None:
    augmentation = always(composed("augmentation=cutout"))
    shares = []
    for seed in range(30):
        crop = augmentation.change_look(np.full((224, 224, 3), 7, np.uint8), np.random.default_rng(seed))
        shares.append((crop != 7).any(-1).mean())
    assert min(shares) > 0.005
    assert max(shares) <= 4 * 0.3 * 0.3
