"""Augmentation moves picture, key points, joints and pose together, and draws as published."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from maflab.body.joints import SPIN24, SPIN49
from maflab.body.model import BodyModel
from maflab.data.augment import Augmentation, GeometricAugmentation, Placement
from maflab.data.dataset import PackDataset
from maflab.geometry.cameras import fit_camera, project
from maflab.geometry.crops import crop_to_pixels
from maflab.geometry.rotations import matrix_to_axis_angle

RESOLUTION = 96
PLACEMENTS = [
    Placement(),
    Placement(flip=True),
    Placement(rotation=40.0),
    Placement(flip=True, rotation=-25.0),
    Placement(scale=1.25),
    Placement(shift=(0.1, -0.05)),
    Placement(flip=True, rotation=55.0, scale=0.8, shift=(-0.08, 0.06)),
]


class Placed(Augmentation):
    """An augmentation that always gives one placement."""

    def __init__(self, placement: Placement) -> None:
        super().__init__(geometry=None, channel_noise=0.0)
        self.fixed = placement

    def placement(self, rng: np.random.Generator) -> Placement:
        return self.fixed


@pytest.mark.parametrize("placement", PLACEMENTS, ids=str)
def test_the_posed_body_still_projects_on_the_key_points(
    tiny_pack: Path, tiny_body: BodyModel, placement: Placement
) -> None:
    """Skinning knows nothing of augmentation: the augmented pose must explain the augmented 2D and 3D labels."""
    dataset = PackDataset(tiny_pack, RESOLUTION, Placed(placement))
    for item in range(4):
        sample = dataset[item]
        keypoints = tiny_body.keypoints(tiny_body(sample.rotations[None], sample.betas[None]))
        camera, ok = fit_camera(keypoints, sample.keypoints_2d[None], iterations=10)
        assert ok.all()
        error = (project(keypoints, camera)[0] - sample.keypoints_2d[:, :2]).abs().max()
        # Mirroring and turning are exact under the crop's camera; scale and shift change its perspective a little.
        exact = placement.scale == 1 and placement.shift == (0.0, 0.0)
        assert error < (1e-3 if exact else 1e-2)

        offset = sample.joints_3d[:, :3] - keypoints[0, -len(SPIN24) :]
        # The tiny body's nose lies a few tenths of a millimetre beside its symmetry plane.
        assert_allclose(offset, offset[:1].expand_as(offset), atol=1e-3)


@pytest.mark.parametrize("placement", PLACEMENTS, ids=str)
def test_the_picture_moves_with_the_key_points(tiny_pack: Path, placement: Placement) -> None:
    """The red disc was drawn on the right wrist, which a mirrored person calls the left one."""
    dataset = PackDataset(tiny_pack, RESOLUTION, Placed(placement))
    for item in range(4):
        sample = dataset[item]
        image = sample.image * torch.tensor([0.229, 0.224, 0.225])[:, None, None]
        image = image + torch.tensor([0.485, 0.456, 0.406])[:, None, None]
        red, green, _ = image
        for mask, name in (
            ((red > 0.6) & (green < 0.4), "LWrist" if placement.flip else "RWrist"),
            ((green > 0.6) & (red < 0.4), "RWrist" if placement.flip else "LWrist"),
        ):
            point = crop_to_pixels(sample.keypoints_2d[SPIN49.index(name), :2], RESOLUTION)
            if not 8 < point.min() <= point.max() < RESOLUTION - 8:
                continue
            rows, columns = torch.nonzero(mask, as_tuple=True)
            centroid = torch.stack((columns.float().mean(), rows.float().mean()))
            assert (centroid - point).norm() < 0.6


def test_flipping_twice_is_the_identity(tiny_records: list[dict[str, Any]]) -> None:
    flip, stay = Placement(flip=True), Placement()
    record = tiny_records[0]
    joints = record["joints_3d"].copy()
    joints[3, 3] = 0.5
    assert_allclose(flip.joints(flip.joints(joints)), joints)

    vectors = torch.from_numpy(flip.rotations(record["pose"]))
    once = matrix_to_axis_angle(vectors).flatten().numpy()
    assert_allclose(flip.rotations(once), stay.rotations(record["pose"]), atol=1e-6)

    affine = flip.affine(record["center"], record["size"], RESOLUTION)
    mirrored = flip.keypoints(record["keypoints_2d"], affine)
    back = flip.affine(np.full(2, (RESOLUTION - 1) / 2), RESOLUTION - 1, RESOLUTION)
    expected = stay.keypoints(record["keypoints_2d"], stay.affine(record["center"], record["size"], RESOLUTION))
    assert_allclose(flip.keypoints(mirrored, back), expected, atol=1e-9)


def test_confidence_follows_its_joint(tiny_records: list[dict[str, Any]]) -> None:
    keypoints = tiny_records[0]["keypoints_2d"].copy()
    keypoints[:, 2] = 0
    keypoints[SPIN49.index("LKnee"), 2] = 0.7
    flipped = Placement(flip=True).keypoints(keypoints, np.eye(2, 3))
    assert flipped[SPIN49.index("RKnee"), 2] == 0.7
    assert flipped[SPIN49.index("LKnee"), 2] == 0


def test_the_draws_are_the_published_ones() -> None:
    rng = np.random.default_rng(0)
    draws = [GeometricAugmentation().draw(rng) for _ in range(20_000)]
    turned = np.array([d.rotation for d in draws if d.rotation != 0])
    scale = np.array([d.scale for d in draws])
    assert np.mean([d.flip for d in draws]) == pytest.approx(0.5, abs=0.015)
    assert len(turned) / len(draws) == pytest.approx(0.4, abs=0.015)
    assert np.abs(turned).max() == 60
    assert np.percentile(turned, 84.13) == pytest.approx(30, abs=1.5)  # one standard deviation
    assert (scale.min(), scale.max()) == (0.75, 1.25)
    assert np.mean(scale == 1.25) == pytest.approx(0.1587, abs=0.01)  # what lies beyond one standard deviation
    assert {d.shift for d in draws} == {(0.0, 0.0)}


def test_settings_do_not_shift_each_others_random_numbers() -> None:
    plain = GeometricAugmentation().draw(np.random.default_rng(5))
    unturned = GeometricAugmentation(rotation_probability=0.0, shift=0.2).draw(np.random.default_rng(5))
    assert (plain.flip, plain.scale) == (unturned.flip, unturned.scale)


def test_channel_noise_multiplies_and_clips(tiny_pack: Path) -> None:
    augmentation = Augmentation(geometry=None, channel_noise=0.4)
    noisy = PackDataset(tiny_pack, 64, augmentation, seed=3)[2].image
    plain = PackDataset(tiny_pack, 64)[2].image
    rng = np.random.default_rng((3, 0, 2))
    gains = torch.from_numpy(augmentation.gains(rng)).float()[:, None, None]
    assert ((gains > 0.6) & (gains < 1.4)).all()
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    expected = ((plain * std + mean) * gains).clamp(0, 1)
    assert_allclose(noisy * std + mean, expected, atol=1e-5)


def test_appearance_is_reproducible_and_leaves_the_labels(tiny_pack: Path) -> None:
    import albumentations

    steps = [albumentations.GaussNoise(p=1), albumentations.CoarseDropout(p=1), albumentations.ColorJitter(p=1)]
    augmentation = Augmentation(geometry=None, channel_noise=0, appearance=steps)
    dataset = PackDataset(tiny_pack, 64, augmentation)
    first, again, other = dataset.sample(1, 0, 0), dataset.sample(1, 0, 0), dataset.sample(1, 1, 0)
    plain = PackDataset(tiny_pack, 64)[1]
    assert_array_equal(first.image, again.image)
    assert not torch.equal(first.image, other.image)
    assert not torch.equal(first.image, plain.image)
    assert_array_equal(first.keypoints_2d, plain.keypoints_2d)


def test_transforms_that_move_pixels_are_refused() -> None:
    import albumentations

    with pytest.raises(ValueError, match="HorizontalFlip would move pixels"):
        Augmentation(appearance=[albumentations.HorizontalFlip()])


def test_affine_agrees_with_opencvs_own_rotation() -> None:
    """cv2.getRotationMatrix2D counts angles counter-clockwise as seen."""
    center = np.array([40.0, 30.0])
    ours = Placement(rotation=33).affine(center, RESOLUTION - 1, RESOLUTION)
    theirs = cv2.getRotationMatrix2D(center.tolist(), -33, 1)
    theirs[:, 2] += (RESOLUTION - 1) / 2 - center
    assert_allclose(ours, theirs, atol=1e-6)
