"""The benchmarks of training start, run the composed model and print what they promise; not how fast they are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TINY = [
    "body=tiny", "data=tiny", "encoder.encoder=test_resnet", "encoder.channels=8", "maf.points=20", "maf.grid=4",
    "maf.reduction=[8,5]", "maf.hidden=16", "data.prepare.counts={train:16,val:4,test:4}",
]  # fmt: skip


def _printed(script: str, data: Path, *arguments: str) -> str:
    command = [sys.executable, str(ROOT / "benchmarks" / script), *arguments, *TINY, f"paths.data={data}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=data, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("held", [[], ["--held"]], ids=["data module", "held"])
def test_overhead_shares_add_up(held: list[str], tmp_path: Path) -> None:
    text = _printed("overhead.py", tmp_path, "--steps", "4", "--warm", "2", *held)
    shares = {
        name.strip(): float(share) for name, share in re.findall(r"│ ([a-z ]+?) +│ +[-\d.]+ +│ +([-\d.]+) %", text)
    }
    assert {"forward and loss", "backward", "optimizer", "rendering of labels", "waiting for data"} <= set(shares)
    assert sum(shares.values()) == pytest.approx(100, abs=1)
    assert min(shares.values()) >= 0
    around = 100 - shares["forward and loss"] - shares["backward"] - shares["optimizer"]
    assert float(re.search(r"network takes\s+([\d.]+)\s+%", text)[1]) == pytest.approx(around, abs=0.3)


@pytest.mark.slow
def test_two_processes_are_compared_with_one(tmp_path: Path) -> None:
    text = _printed("two_processes.py", tmp_path, "--steps", "4", "--repeats", "1")
    one, two, gain = map(float, re.search(r"core: ([\d.]+) .* two: ([\d.]+) samples/s, ([\d.]+) times", text).groups())
    assert one > 0
    assert gain == pytest.approx(two / one, abs=0.1)


@pytest.mark.slow
def test_training_step_is_that_of_the_config(tmp_path: Path) -> None:
    text = _printed("training_step.py", tmp_path, "--only", "default", "--repeats", "1")
    assert re.search(r"default +test_resnet 64 px batch 4: plain [\d.]+ s, ours [\d.]+ s", text)


@pytest.mark.slow
def test_inference_is_compared_with_the_plain_way(tmp_path: Path) -> None:
    text = _printed("inference.py", tmp_path, "--batch", "4", "--repeats", "1")
    assert re.search(r"test_resnet, 64 px, \d+ vertices, \d+ threads", text)
    plain, ours = (float(rate) for rate in re.findall(r"at once: +([\d.]+) frames/s", text)[:2])
    gain = float(re.search(r"ours is ([\d.]+) times as fast", text)[1])
    assert gain == pytest.approx(ours / plain, rel=0.05)


@pytest.mark.slow
def test_the_demo_is_compared_with_its_network(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "demo_speed.py"), "--body", "tiny", "--frames", "24"]
    done = subprocess.run([*command, "--turns", "1"], capture_output=True, text=True, cwd=tmp_path, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    alone, together, whole = (float(rate) for rate in re.findall(r"([\d.]+) frames/s", done.stdout))
    ratios = re.search(r"end to end is ([\d.]+) of the network alone, ([\d.]+) of it side by side", done.stdout)
    assert [float(ratio) for ratio in ratios.groups()] == pytest.approx([whole / alone, whole / together], abs=0.01)
    stages = dict(re.findall(r"(\w+) ([\d.]+)", re.search(r"ms of work a frame: (.*)", done.stdout)[1]))
    assert list(stages) == ["decoding", "shots", "people", "crops", "network", "writing"]
