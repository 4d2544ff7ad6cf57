"""A fitter of the small body with a broad prior, quick enough for tests."""

import pytest
import torch

from maflab.body.model import BodyModel
from maflab.fitting.energy import Energy
from maflab.fitting.fit import Fitter
from maflab.fitting.priors import PosePrior, pose_prior
from maflab.geometry.rotations import matrix_to_axis_angle


@pytest.fixture(scope="session")
def broad_prior(tiny_body: BodyModel) -> PosePrior:
    """The prior of a data set without labelled poses."""
    return pose_prior(matrix_to_axis_angle(tiny_body.mean_rotations[1:]).flatten(), torch.zeros(0, 69))


@pytest.fixture(scope="session")
def fitter(tiny_body: BodyModel, broad_prior: PosePrior) -> Fitter:
    """Fewer steps than by default."""
    return Fitter(tiny_body, broad_prior, torso_steps=20, prior_weights=(3.0, 1.0), steps=30)


@pytest.fixture(scope="session")
def energy(fitter: Fitter) -> Energy:
    """What it minimises."""
    return fitter.energy
