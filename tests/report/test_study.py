"""A sweep on disk becomes cells and comparisons; what is bad in it is told, and nothing else is lost."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from maflab.report.errors import ReportError
from maflab.report.runs import read_sweep
from maflab.report.study import digest

from .conftest import PROTOCOL, write_job

ERRORS = [159.0, 115.0, 113.0]


def two_cells(folder: Path, seeds: int = 3, better: float = 3.0) -> Path:
    """A global baseline and a cell that is better by `better` mm, give or take 0.1 a seed."""
    for seed in range(seeds):
        config = {"maf": {"sources": ["global"]}}
        baseline = [error + seed for error in ERRORS]
        write_job(folder / f"{seed}_hmr", ["+experiment=hmr"], baseline, seed=seed, config=config)
        errors = [error + seed - better + 0.1 * (seed - 1) for error in ERRORS]
        write_job(folder / f"{seed + 10}_maf", ["+experiment=maf"], errors, seed=seed)
    return folder


def test_figures_are_those_of_the_runs(grid_sweep: Path) -> None:
    study = digest(read_sweep(grid_sweep))
    assert len(study.cells) == 6
    for cell in study.cells:
        files = [json.loads((run.folder / "metrics.json").read_text()) for run in cell.runs]
        last = f"iter{cell.settings['maf.iterations']}"
        values = [file["metrics"][last]["pa_mpjpe"] for file in files]
        spread = study.finals["pa_mpjpe"][cell.number]
        assert (spread.mean, spread.sd) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    best = study.best()
    assert best is not None
    assert best.settings == {"encoder.levels": "2", "maf.iterations": "3"}


def test_jobs_are_read_in_the_order_of_their_numbers(grid_sweep: Path) -> None:
    assert [run.name for run in read_sweep(grid_sweep).runs] == [f"{i}_job" for i in range(18)]


def test_comparison_over_seeds_and_samples(tmp_path: Path) -> None:
    study = digest(read_sweep(two_cells(tmp_path)))
    assert study.baseline.label == "hmr"
    (comparison,) = study.comparisons.values()
    assert comparison.seeds is not None
    assert comparison.samples is not None
    base, other = ([113.0, 114.0, 115.0], [109.9, 111.0, 112.1])
    assert comparison.seeds.p == pytest.approx(stats.ttest_rel(other, base).pvalue, rel=1e-4)
    assert comparison.seeds.difference == pytest.approx(-3)
    assert comparison.samples.difference == pytest.approx(-3, abs=1e-3)
    assert comparison.samples.n == 40
    assert comparison.verdict() == "better"


def test_samples_are_paired_by_their_index_not_by_their_place(tmp_path: Path) -> None:
    straight = digest(read_sweep(two_cells(tmp_path / "a"))).comparisons[2].samples
    shuffled = two_cells(tmp_path / "b")
    order = np.random.default_rng(0).permutation(40)
    for path in shuffled.glob("1?_maf/samples.npz"):
        arrays = np.load(path)
        np.savez(path, **{name: arrays[name][..., order] for name in arrays})
    again = digest(read_sweep(shuffled)).comparisons[2].samples
    assert straight is not None
    assert again == pytest.approx(straight)
    assert again.high - again.low < 1  # pairing removes the 5 mm by which samples differ


def test_samples_that_only_one_run_has_are_left_out(tmp_path: Path) -> None:
    path = two_cells(tmp_path) / "10_maf" / "samples.npz"
    arrays = dict(np.load(path))
    np.savez(path, **{name: values[..., 5:] for name, values in arrays.items()})
    comparison = digest(read_sweep(tmp_path)).comparisons[2].samples
    assert comparison is not None
    assert comparison.n == 35


def test_one_seed_gives_no_verdict(tmp_path: Path) -> None:
    comparison = digest(read_sweep(two_cells(tmp_path, seeds=1))).comparisons[2]
    assert comparison.verdict() == "too few seeds"
    assert comparison.samples is not None


def test_a_scatter_larger_than_the_difference_is_not_resolved(tmp_path: Path) -> None:
    assert digest(read_sweep(two_cells(tmp_path, better=0.02))).comparisons[2].verdict() == "not resolved"


def test_nan_is_counted_and_in_no_mean(tmp_path: Path) -> None:
    folder = two_cells(tmp_path)
    metrics = json.loads((folder / "11_maf" / "metrics.json").read_text())
    metrics["metrics"]["iter2"]["pa_mpjpe"] = math.nan
    (folder / "11_maf" / "metrics.json").write_text(json.dumps(metrics))
    study = digest(read_sweep(folder))
    spread = study.finals["pa_mpjpe"][2]
    assert (spread.mean, spread.n, spread.excluded) == (pytest.approx((109.9 + 112.1) / 2), 2, 1)
    assert any("11_maf" in notice and "1 of 6 runs" in notice for notice in study.notices)


def test_what_is_absent_is_told(tmp_path: Path) -> None:
    write_job(tmp_path / "0_a", ["a=1"], ERRORS, drop=("samples", "protocol", "cost", "git"))
    write_job(tmp_path / "1_b", ["a=2"], ERRORS)
    study = digest(read_sweep(tmp_path))
    for word in ("samples.npz", "protocol card", "cost", "git commit"):
        assert sum(word in notice and "0_a" in notice for notice in study.notices) == 1
    assert study.comparisons[2].samples is None


def test_unfinished_damaged_and_failed_jobs_are_listed(tmp_path: Path) -> None:
    write_job(tmp_path / "0_a", ["a=1"], ERRORS)
    write_job(tmp_path / "1_b", ["a=2"], None)
    (write_job(tmp_path / "2_c", ["a=3"], ERRORS) / "metrics.json").write_text('{"metrics": {"iter')
    (write_job(tmp_path / "3_d", ["a=4"], ERRORS) / "samples.npz").write_bytes(b"PK\x03\x04 cut short")
    failed = write_job(tmp_path / "4_e", ["a=5"], None)
    (failed / "job.json").write_text(json.dumps({"state": "failed", "error": "The GPU has run out of memory"}))
    write_job(tmp_path / "5_f", ["a=6"], ERRORS, metrics={"parts": {"part_iou": 0.2}})
    sweep = read_sweep(tmp_path)
    assert [run.name for run in sweep.runs] == ["0_a"]
    reasons = {job.name: job.reason for job in sweep.unfinished}
    assert list(reasons) == ["1_b", "2_c", "3_d", "4_e", "5_f"]
    assert "no metrics.json" in reasons["1_b"]
    assert "cannot be read" in reasons["2_c"]
    assert "cannot be read" in reasons["3_d"]
    assert reasons["4_e"] == "failed: The GPU has run out of memory"
    assert "iterations" in reasons["5_f"]


def test_different_protocols_are_refused_with_the_lines_that_differ(tmp_path: Path) -> None:
    write_job(tmp_path / "0_a", ["body=tiny"], ERRORS)
    write_job(tmp_path / "1_b", ["body=smpl"], ERRORS, protocol=PROTOCOL | {"body": "smpl"}, split="val")
    with pytest.raises(ReportError) as refused:
        digest(read_sweep(tmp_path))
    lines = str(refused.value).splitlines()[1:]
    assert sorted(lines) == ["  body: tiny (0_a) | smpl (1_b)", "  split: test (0_a) | val (1_b)"]


def test_a_split_is_compared_even_without_a_card(tmp_path: Path) -> None:
    write_job(tmp_path / "0_a", ["a=1"], ERRORS, drop=("protocol",))
    write_job(tmp_path / "1_b", ["a=2"], ERRORS, split="val")
    with pytest.raises(ReportError, match="split"):
        digest(read_sweep(tmp_path))


def test_a_sweep_may_vary_the_resolution(tmp_path: Path) -> None:
    write_job(tmp_path / "0_a", ["data.resolution=96"], ERRORS)
    write_job(tmp_path / "1_b", ["data.resolution=128"], ERRORS, protocol=PROTOCOL | {"resolution": 128})
    assert digest(read_sweep(tmp_path)).protocol["resolution"] == "96 / 128"


@pytest.mark.parametrize("made", [None, "empty", "unfinished"])
def test_a_folder_without_finished_jobs(tmp_path: Path, made: str | None) -> None:
    folder = tmp_path / "sweep"
    if made:
        folder.mkdir()
    if made == "unfinished":
        write_job(folder / "0_a", ["a=1"], None)
    expected = {None: "There is no folder", "empty": "holds no job", "unfinished": "None of the 1 jobs"}[made]
    with pytest.raises(ReportError, match=expected):
        read_sweep(folder)
