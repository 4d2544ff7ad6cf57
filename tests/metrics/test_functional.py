"""The field's error measures against closed forms, SciPy and torchmetrics."""

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torchmetrics.functional.classification import multiclass_confusion_matrix

from maflab.metrics.functional import mpjpe, pa_mpjpe, part_counts, pck


def test_mpjpe_of_a_shift_is_its_length() -> None:
    target = torch.randn(4, 14, 3)
    torch.testing.assert_close(mpjpe(target + torch.tensor([3.0, 4.0, 0.0]), target), torch.full((4,), 5.0))


def test_pa_mpjpe_ignores_similarities_and_nothing_else() -> None:
    target = torch.randn(6, 14, 3, dtype=torch.float64)
    turned = 2 * target @ torch.from_numpy(Rotation.random(6, random_state=0).as_matrix()) + 1
    assert pa_mpjpe(turned, target).max() < 1e-9
    bent = target.clone()
    bent[:, 0] += 1
    assert (pa_mpjpe(bent, target) > 0.01).all()


def test_pck_counts_labelled_points_within_the_threshold() -> None:
    target = torch.zeros(1, 4, 2)
    predicted = torch.tensor([[[0.05, 0.0], [0.2, 0.0], [0.0, 0.09], [9.0, 9.0]]])
    correct, labelled = pck(predicted, target, torch.tensor([[1.0, 1.0, 0.5, 0.0]]), 0.1)
    assert correct.tolist() == [2]
    assert labelled.tolist() == [3]


def test_part_counts_against_torchmetrics() -> None:
    predicted, target = torch.randint(0, 25, (2, 5, 8, 8))
    valid = torch.tensor([1.0, 0, 1, 1, 0])
    expected = multiclass_confusion_matrix(predicted[valid > 0], target[valid > 0], num_classes=25)
    np.testing.assert_array_equal(part_counts(predicted, target, valid, 25), expected)
