"""The settings of motion, camera and overlay: their files make what they name, with the defaults of the code."""

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from maflab.inference.camera import Camera
from maflab.inference.drawing import Overlay
from maflab.inference.motion import Motion
from maflab.inference.one_euro import OneEuro
from maflab.inference.zero_lag import ZeroLag

from .conftest import CONF

MADE = {
    "motion/zero_lag": Motion(smoothing=ZeroLag()),
    "motion/one_euro": Motion(smoothing=OneEuro()),
    "motion/none": Motion(one_shape=False, max_gap=0.0, smoothing=None),
    "camera/default": Camera(),
    "overlay/default": Overlay(),
}


def test_every_file_is_known() -> None:
    files = [path for group in ("motion", "camera", "overlay") for path in (CONF / group).glob("*.yaml")]
    # overlay=none sets the whole group to null.
    assert {str(path.relative_to(CONF).with_suffix("")) for path in files} == {*MADE, "overlay/none"}


@pytest.mark.parametrize("name", MADE)
def test_files_make_what_they_name_and_list_every_setting(name: str) -> None:
    node = OmegaConf.load(CONF / f"{name}.yaml")
    made = instantiate(node)
    assert made == MADE[name]
    assert type(made) is type(MADE[name])
    assert set(node) - {"_target_"} == set(made._fields)
