"""A labelled batch for the tests of the models."""

import pytest
from batches import labelled_batch

from maflab.body.model import BodyModel
from maflab.structures import Batch


@pytest.fixture
def batch(tiny_body: BodyModel) -> Batch:
    return labelled_batch(tiny_body, 4)
