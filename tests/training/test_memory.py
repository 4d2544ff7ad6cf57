"""Freed memory is kept."""

import subprocess
import sys

import pytest

# Page faults of taking and freeing 64 MB ten times, once the allocator has settled.
_FAULTS = """
import resource, torch
from maflab.training.memory import keep_freed_memory
if {keep}:
    keep_freed_memory()
for _ in range(10):
    torch.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's mallopt")
def test_freed_memory_is_not_taken_from_the_system_again() -> None:
    def faults(keep: bool) -> int:
        code = _FAULTS.format(keep=keep)
        return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    assert faults(keep=False) > 10_000
    assert faults(keep=True) < 1_000
