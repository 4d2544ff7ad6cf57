"""Freed memory is kept."""

import subprocess
import sys

import pytest

# Page faults of taking and freeing 64 MB ten times, once the allocator has settled.
_FAULTS = """
import resource, torch
from maflab.training.memory import freed_memory_kept, keep_freed_memory
{first}
for _ in range(10):
    torch.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's mallopt")
def test_freed_memory_is_not_taken_from_the_system_again() -> None:
    def faults(first: str) -> int:
        code = _FAULTS.format(first=first)
        return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    assert faults("") > 10_000
    assert faults("keep_freed_memory()") < 1_000
    assert faults("with freed_memory_kept(): torch.ones(2**24)") > 10_000


# MiB more than before while 256 freed blocks of 1 MB are kept, and afterwards.
_HELD = """
import torch
from pathlib import Path
from maflab.training.memory import freed_memory_kept
def held():
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
before = held()
with freed_memory_kept():
    blocks = [torch.ones(2**18) for _ in range(256)]
    last = torch.ones(2**18)
    del blocks
    inside = held() - before
print(inside, held() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc_trim")
def test_what_was_kept_goes_back_at_the_end() -> None:
    told = subprocess.run([sys.executable, "-c", _HELD], capture_output=True, text=True, check=True).stdout
    inside, after = map(float, told.split())
    assert inside > 200
    assert after < 50
