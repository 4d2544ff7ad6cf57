"""The joint sets of label files, against the tables that their authors publish."""

import numpy as np
import pytest

from maflab.body.joints import COCO17, SMPL24, SPIN24, SPIN49
from maflab.body.label_joints import HUMANS44, MODEL45, MPI17, MPI28, OPENPOSE18, placed


def test_humans44_flips_as_4d_humans_does() -> None:
    body = [0, 1, 5, 6, 7, 2, 3, 4, 8, 12, 13, 14, 9, 10, 11, 16, 15, 18, 17, 22, 23, 24, 19, 20, 21]
    extra = [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13, 14, 15, 16, 17, 18]
    assert HUMANS44.flip == body + [25 + place for place in extra]


def test_mpi_joints_are_those_that_spin_takes() -> None:
    """SPIN's joints17_idx of both kinds of file and joints_idx (datasets/preprocess/mpi_inf_3dhp.py)."""
    targets = [14, 3, 4, 5, 2, 1, 0, 16, 12, 17, 18, 9, 10, 11, 8, 7, 6]
    train = [4, 18, 19, 20, 23, 24, 25, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16]
    test = [14, 11, 12, 13, 8, 9, 10, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4]
    for joints, places in ((MPI28, train), (MPI17, test)):
        assert [joints.names[place] for place in places] == [SPIN24.names[place] for place in targets]


def test_a_joint_of_the_model_fills_both_places() -> None:
    points = np.concatenate([np.arange(45.0)[:, None] * [1, 2], np.ones((45, 1))], axis=1)
    found = placed(points, MODEL45, SPIN49)
    for name in ("OP LKnee", "LKnee"):
        assert found[SPIN49.index(name), 0] == SMPL24.index("left_knee")
    assert found[SPIN49.index("OP LHip"), 0] == SMPL24.index("left_hip")
    assert not found[SPIN49.index("LHip")].any(), "SPIN's hips are regressed from vertices, not SMPL's joints"


def test_sets_that_share_names_are_matched_by_them() -> None:
    points = np.random.default_rng(0).random((5, 17, 3))
    found = placed(points, COCO17, SPIN49)
    assert np.allclose(found[:, SPIN49.index("REar")], points[:, 4])
    assert not found[:, : len(SPIN49) - len(SPIN24)].any(), "OpenPose's half is OpenPose's"
    assert placed(np.ones((18, 3)), OPENPOSE18, SPIN49)[:, 2].sum() == 18
    with pytest.raises(ValueError, match="17 points are given for the 18 joints of OPENPOSE18"):
        placed(points, OPENPOSE18, SPIN49)
