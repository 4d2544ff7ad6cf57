"""Node's packages, once a machine."""

from pathlib import Path

import pytest

from . import node_tools


@pytest.fixture(scope="session")
def node_folder(request: pytest.FixtureRequest) -> Path:
    """Where the packages and scripts of `node_tools` lie: pytest's cache."""
    return node_tools.install(request.config.cache.mkdir("node"))
