"""The procedural body and the atlas laid on it: what every body of the SMPL form has to fulfil."""

from body_checks import check_atlas, check_body

from maflab.body.arrays import BodyArrays
from maflab.body.joints import SMPL24
from maflab.body.tiny_tubes import JOINTS


def test_form(tiny_arrays: BodyArrays) -> None:
    assert 500 <= len(tiny_arrays.template) <= 700
    check_body(tiny_arrays)


def test_atlas(tiny_arrays: BodyArrays) -> None:
    check_atlas(tiny_arrays)


def test_regressor_finds_the_tubes_centres(tiny_arrays: BodyArrays) -> None:
    joints = tiny_arrays.joint_regressor @ tiny_arrays.template
    for name, place in JOINTS.items():
        assert abs(joints[SMPL24.index(name)] - place).max() < 1e-6
