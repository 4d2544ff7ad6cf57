"""Part maps follow augmentation: what is rendered from the moved labels is the moved picture of the labels."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

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


def rendered(pack: Path, body: BodyModel, placement: Placement, count: int = 4) -> Tensor:
    """Part maps (B, 56, 56) of the first records as placed."""
    dataset = PackDataset(pack, 64, Placed(placement))
    samples = [dataset[item] for item in range(count)]
    batch = Batch(*(torch.stack(values) for values in zip(*samples, strict=True)))
    targets = AuxiliaryLabeller(body)(batch, 56)
    assert targets.valid.all()
    return targets.part


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
