"""Part maps follow augmentation: what is rendered from the moved labels is the moved picture of the labels."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import default_collate

from maflab.body.model import BodyModel
from maflab.data.augment import Augmentation, Placement
from maflab.data.dataset import PackDataset
from maflab.models.auxiliary import AuxiliaryLabeller
from maflab.structures import Batch

# DensePose's parts that change places in a mirror; 1 and 2 are back and front of the trunk.
PAIRS = [(3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16), (17, 18), (19, 20), (21, 22), (23, 24)]
MIRRORED = torch.arange(25)
for left, right in PAIRS:
    MIRRORED[left], MIRRORED[right] = right, left


class Placed(Augmentation):
    """An augmentation that always gives one placement."""

    def __init__(self, placement: Placement) -> None:
        super().__init__(geometry=None, channel_noise=0.0)
        self.fixed = placement

    def placement(self, rng: object) -> Placement:
        return self.fixed


def placed_batch(pack: Path, placement: Placement, resolution: int = 64, count: int = 4) -> Batch:
    """The first records as placed."""
    dataset = PackDataset(pack, resolution, Placed(placement))
    return default_collate([dataset[item] for item in range(count)])


def part_maps(body: BodyModel, batch: Batch, size: int = 56) -> Tensor:
    """(B, size, size) of the posed labels."""
    targets = AuxiliaryLabeller(body)(batch, size)
    assert targets.valid.all()
    return targets.part


def rendered(pack: Path, body: BodyModel, placement: Placement) -> Tensor:
    return part_maps(body, placed_batch(pack, placement))


def agreement(found: Tensor, expected: Tensor) -> float:
    """Share of the pixels on the body in either map that show the same part."""
    body = (found > 0) | (expected > 0)
    assert body.float().mean() > 0.05
    return float((found == expected)[body].float().mean())


def test_a_flip_mirrors_the_parts_and_exchanges_left_and_right(tiny_pack: Path, tiny_body: BodyModel) -> None:
    plain, flipped = (rendered(tiny_pack, tiny_body, Placement(flip=flip)) for flip in (False, True))
    assert agreement(flipped, MIRRORED[plain.flip(-1)]) > 0.97
    assert agreement(flipped, plain.flip(-1)) < 0.6  # it is not the mirror alone


@pytest.mark.parametrize("quarter", [1, -1])
def test_a_turn_turns_the_parts(tiny_pack: Path, tiny_body: BodyModel, quarter: int) -> None:
    plain = rendered(tiny_pack, tiny_body, Placement())
    turned = rendered(tiny_pack, tiny_body, Placement(rotation=90.0 * quarter))
    assert agreement(turned, torch.rot90(plain, -quarter, (-2, -1))) > 0.97


MOVED = [
    Placement(),
    Placement(flip=True, rotation=40.0),
    Placement(flip=True, rotation=-25.0, scale=1.2, shift=(0.1, 0.05)),
]


@pytest.mark.parametrize("placement", MOVED)
def test_the_mesh_of_the_moved_labels_lies_over_the_moved_picture(
    placement: Placement, tiny_pack: Path, tiny_body: BodyModel, tiny_records: list[dict[str, Any]], make_pack: Callable
) -> None:
    """The pictures are silhouettes of the bodies; moved by the loader, they are those of the moved labels."""
    side, plain = 224, placed_batch(tiny_pack, Placement())
    records = []
    for item, mask in enumerate(part_maps(tiny_body, plain, side) > 0):
        picture = np.repeat(255 * mask.numpy().astype(np.uint8)[..., None], 3, axis=2)
        points = plain.keypoints_2d[item].numpy()
        keypoints = np.concatenate(((points[:, :2] + 1) * (side - 1) / 2, points[:, 2:]), axis=1)
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
        box = {"center": [(side - 1) / 2] * 2, "size": side - 1.0}
        records.append(tiny_records[item] | box | {"jpeg": jpeg, "keypoints_2d": keypoints})
    moved = placed_batch(make_pack("silhouettes.h5", records), placement, side)
    seen = moved.image[:, 0] > (moved.image.amin() + moved.image.amax()) / 2

    def overlap(batch: Batch) -> float:
        labelled = part_maps(tiny_body, batch, side) > 0
        return float((seen & labelled).sum() / (seen | labelled).sum())

    assert overlap(moved) > 0.95
    if placement.flip:
        assert overlap(moved._replace(rotations=plain.rotations)) < 0.7  # a pose that stayed as it was is noticed
