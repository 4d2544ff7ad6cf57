"""The film of walkers: what it says of its people is what its pictures show."""

import numpy as np
import pytest
import torch

from maflab.body.model import BodyModel
from maflab.data.synthetic.clip import Clip, film


def test_boxes_are_where_the_people_are(tiny_body: BodyModel) -> None:
    """Without people the second frame would be the first one with other grain; what differs more is in the boxes."""
    clip = Clip(frames=20, people=2, size=(200, 120), rate=10)
    first, *_, last = film(tiny_body, clip)
    change = np.abs(first.image.astype(int) - last.image).max(2) > 40
    covered = np.zeros_like(change)
    for left, top, right, bottom in np.concatenate((first.boxes, last.boxes)):
        covered[max(int(top) - 1, 0) : int(bottom) + 3, max(int(left) - 1, 0) : int(right) + 3] = True
    assert change.sum() > 200
    assert not (change & ~covered).any()


def test_translations_and_focal_length_explain_the_boxes(tiny_body: BodyModel) -> None:
    clip = Clip(frames=3, people=2, size=(201, 121), field_of_view=60)
    assert clip.focal == pytest.approx(201 / 2 / np.tan(np.pi / 6))
    for shot in film(tiny_body, clip):
        with torch.no_grad():
            points = tiny_body(shot.rotations, shot.betas).vertices + shot.translation[:, None]
        pixels = (points[..., :2] / points[..., 2:]).numpy() * clip.focal + ((201 - 1) / 2, (121 - 1) / 2)
        np.testing.assert_allclose(shot.boxes[:, :2], pixels.min(1), atol=1e-3)
        np.testing.assert_allclose(shot.boxes[:, 2:], pixels.max(1), atol=1e-3)
        lowest = points[..., 1].amax(1)
        assert torch.allclose(lowest, torch.full_like(lowest, 1.1), atol=1e-4), "they stand on the ground"


def test_people_walk_forwards_at_their_speed(tiny_body: BodyModel) -> None:
    one, other = list(film(tiny_body, Clip(frames=2, size=(64, 36), rate=30)))
    step = (other.translation - one.translation)[0, [0, 2]].numpy()
    assert np.linalg.norm(step) * 30 == pytest.approx(1.1, rel=0.02)
    facing = one.rotations[0, 0].numpy() @ (0.0, 0.0, 1.0)  # SMPL's bodies look along z
    assert facing[[0, 2]] @ step / np.linalg.norm(step) / np.linalg.norm(facing[[0, 2]]) > 0.9


def test_the_same_clip_twice_and_a_cut(tiny_body: BodyModel) -> None:
    clip = Clip(frames=4, size=(64, 36), cut=2)
    once, again = list(film(tiny_body, clip)), list(film(tiny_body, clip))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(once, again, strict=True))
    assert [shot.identities for shot in once] == [[0], [0], [1], [1]]
    assert not torch.equal(once[0].betas, once[2].betas)
    before, at, after = (np.abs(once[n].image.astype(int) - once[n + 1].image).mean() for n in range(3))
    assert at > 5 * max(before, after)
    with pytest.raises(ValueError, match="cut lies within"):
        next(film(tiny_body, clip._replace(cut=4)))
