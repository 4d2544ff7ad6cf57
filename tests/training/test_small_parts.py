"""Precision, schedules, tables, progress, git state, packs."""

import json
import logging
import math
import time
from pathlib import Path

import pytest
import torch

from maflab.body.model import BodyModel
from maflab.training.errors import DeviceError
from maflab.training.logging import git_state
from maflab.training.packs import make_packs
from maflab.training.precision import check_device, choose_precision
from maflab.training.progress import Stopwatch
from maflab.training.schedules import cosine_with_warmup
from maflab.training.table import print_table, write_json


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx2": True, "avx512_bf16": False}, "32-true"),
        ({"avx512_bf16": True}, "bf16-mixed"),
        ({"amx_bf16": True}, "bf16-mixed"),
        ({}, "32-true"),
    ],
)
def test_auto_precision_follows_the_cpu(
    capabilities: dict[str, bool], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert choose_precision("auto", "cpu") == expected
    assert choose_precision("16-mixed", "cpu") == "16-mixed"


@pytest.mark.parametrize(("supported", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_precision_follows_the_gpu(supported: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: supported)
    assert choose_precision("auto", "gpu") == expected


def test_missing_gpus_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    check_device("cpu", 4)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="use trainer=cpu"):
        check_device("gpu", 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_device("gpu", "auto")
    with pytest.raises(DeviceError, match=r"has 2 GPU\(s\)"):
        check_device("gpu", 3)


def test_cosine_schedule_has_its_closed_form() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = cosine_with_warmup(optimizer, total_steps=101, warmup=0.1, final=0.25)
    rates = []
    for _ in range(120):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[:10] == pytest.approx([2 * (i + 1) / 11 for i in range(10)])
    assert rates[10] == pytest.approx(2.0)
    assert rates[55] == pytest.approx(2 * (0.25 + 0.75 * 0.5 * (1 + math.cos(math.pi * 0.5))))
    assert rates[100:] == pytest.approx([0.5] * 20)
    with pytest.raises(ValueError, match="warmup"):
        cosine_with_warmup(optimizer, 10, warmup=1.5)


def test_stopwatch_leaves_out_pauses() -> None:
    watch = Stopwatch()
    watch.count(100)  # the first step starts it
    assert watch.rate == 0
    time.sleep(0.02)
    watch.count(10)
    watch.pause()
    time.sleep(0.2)
    watch.resume()
    time.sleep(0.02)
    watch.count(10)
    assert watch.samples == 20
    assert 0.04 <= watch.seconds < 0.15


def test_table_sets_iterations_beside_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {"iter0": {"pa_mpjpe": 200.0, "pck": 10.0}, "iter1": {"pa_mpjpe": 90.0, "pck": 60.0}}
    print_table(rows, "a title")
    text = capsys.readouterr().out
    assert "a title" in text
    assert "PA-MPJPE (mm)" in text
    assert "90.0 (-55%)" in text.replace("  ", " ")
    assert next(line for line in text.splitlines() if "200.0" in line).lstrip("│ ").startswith("mean parameters")


def test_json_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_git_state_outside_a_repository_is_empty(tmp_path: Path) -> None:
    assert git_state(tmp_path) == {}


def test_packs_are_made_once(tiny_body: BodyModel, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    make_packs(tiny_body, tmp_path, {"val": 2}, size=64, workers=1)
    made = (tmp_path / "val.h5").stat().st_mtime_ns
    assert "val: 2 of 2 pictures" in caplog.text
    make_packs(tiny_body, tmp_path, {"val": 2}, size=64, workers=1)
    assert (tmp_path / "val.h5").stat().st_mtime_ns == made
    (tmp_path / "val.h5").write_bytes(b"damaged")
    make_packs(tiny_body, tmp_path, {"val": 3}, size=64, workers=1)
    assert (tmp_path / "val.h5").stat().st_mtime_ns != made
    with pytest.raises(ValueError, match="tarin"):
        make_packs(tiny_body, tmp_path, {"tarin": 2}, size=64)
