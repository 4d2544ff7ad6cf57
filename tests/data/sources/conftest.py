"""The scenes that label files are made of."""

import pytest
from label_scenes import Scene, make_scene

from maflab.body.model import BodyModel


@pytest.fixture
def scenes(tiny_body: BodyModel) -> list[Scene]:
    return [make_scene(tiny_body, seed) for seed in range(6)]
