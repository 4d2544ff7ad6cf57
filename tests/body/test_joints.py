"""The joint sets against the index lists that the field publishes (SPIN's constants.py, PyMAF's COCO evaluation)."""

import pytest

from maflab.body.joints import (
    BODY25,
    COCO17,
    H36M17,
    J17,
    LSP14,
    MODEL54,
    MODEL54_TO_SPIN49,
    SMPL24,
    SMPL_PARENTS,
    SPIN24,
    SPIN49,
    JointSet,
)

H36M_TO_J17 = [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10, 0, 7, 9]
J24_TO_J17 = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 18, 14, 16, 17]
J24_TO_COCO = [19, 20, 21, 22, 23, 9, 8, 10, 7, 11, 6, 3, 2, 4, 1, 5, 0]
SMPL_FLIP = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22]
J24_FLIP = [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13, 14, 15, 16, 17, 18, 19, 21, 20, 23, 22]
BODY25_FLIP = [0, 1, 5, 6, 7, 2, 3, 4, 8, 12, 13, 14, 9, 10, 11, 16, 15, 18, 17, 22, 23, 24, 19, 20, 21]
# SPIN's JOINT_MAP, in the order of its JOINT_NAMES.
SPIN_JOINT_MAP = [
    *(24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34),
    *(8, 5, 45, 46, 4, 7, 21, 19, 17, 16, 18, 20, 47, 48, 49, 50, 51, 52, 53, 24, 26, 25, 28, 27),
]


@pytest.mark.parametrize(
    ("source", "target", "published"),
    [
        (H36M17, J17, H36M_TO_J17),
        (H36M17, LSP14, H36M_TO_J17[:14]),
        (SPIN24, J17, J24_TO_J17),
        (SPIN24, LSP14, J24_TO_J17[:14]),
        (SPIN24, COCO17, J24_TO_COCO),
        (SPIN49, SPIN24, list(range(25, 49))),
        (SPIN49, BODY25, list(range(25))),
    ],
)
def test_maps_are_the_published_ones(source: JointSet, target: JointSet, published: list[int]) -> None:
    assert source.map_to(target) == published


@pytest.mark.parametrize(
    ("joints", "published"),
    [
        (SMPL24, SMPL_FLIP),
        (SPIN24, J24_FLIP),
        (BODY25, BODY25_FLIP),
        (SPIN49, BODY25_FLIP + [25 + joint for joint in J24_FLIP]),
    ],
)
def test_flips_are_the_published_ones(joints: JointSet, published: list[int]) -> None:
    assert joints.flip == published


def test_key_points_come_from_the_published_joints() -> None:
    assert MODEL54_TO_SPIN49 == SPIN_JOINT_MAP


@pytest.mark.parametrize("joints", [SMPL24, MODEL54, SPIN49, H36M17, J17, LSP14, COCO17])
def test_flipping_twice_changes_nothing(joints: JointSet) -> None:
    assert [joints.flip[joint] for joint in joints.flip] == list(range(len(joints)))


def test_tree_is_mirror_symmetric_and_ordered() -> None:
    for joint, parent in enumerate(SMPL_PARENTS[1:], start=1):
        assert parent < joint
        assert SMPL_PARENTS[SMPL24.flip[joint]] == SMPL24.flip[parent]


def test_a_missing_joint_is_named() -> None:
    with pytest.raises(KeyError, match="COCO17 has no joint 'Pelvis'"):
        COCO17.map_to(H36M17)


def test_a_joint_set_names_each_joint_once() -> None:
    with pytest.raises(ValueError, match="names a joint twice"):
        JointSet("twins", ("LHip", "LHip"))
