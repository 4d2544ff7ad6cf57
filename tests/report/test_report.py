"""The files of a report, by the command; and its page in a real browser."""

import csv
import html.parser
import json
import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from maflab.report.__main__ import main
from maflab.report.heatmap import shade
from maflab.report.runs import read_sweep
from maflab.report.study import digest
from maflab.report.tables import cost_table
from maflab.report.words import run_command

from .conftest import write_job

FILES = {"report.html", "report.md", "cells.csv", "runs.csv"}


@pytest.fixture(scope="module")
def written(grid_sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the grid, with one job that did not finish."""
    sweep = tmp_path_factory.mktemp("written") / "sweep"
    shutil.copytree(grid_sweep, sweep)
    write_job(sweep / "99_<job>", ["encoder.levels=9"], None)
    assert main([str(sweep)]) == 0
    return sweep / "report"


def test_the_files_are_there_and_nothing_else(written: Path) -> None:
    assert {path.name for path in written.iterdir()} == FILES


def test_output_goes_where_it_is_told_and_the_sweep_is_left_alone(grid_sweep: Path, tmp_path: Path) -> None:
    assert main([str(grid_sweep), "--output", str(tmp_path / "study"), "--metric", "mpjpe", "--baseline", "6"]) == 0
    assert {path.name for path in (tmp_path / "study").iterdir()} == FILES
    assert not (grid_sweep / "report").exists()
    text = (tmp_path / "study" / "report.md").read_text()
    assert "levels=2, iterations=3 (baseline)" in text
    assert "Smallest MPJPE" in text


def test_nothing_is_written_if_it_cannot_be_made(
    grid_sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(grid_sweep), "--output", str(tmp_path / "study"), "--baseline", "levels=7"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("maflab: There is no cell 'levels=7'")
    assert message.count("\n") == 1
    assert not (tmp_path / "study").exists()


def test_the_command_as_it_is_typed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "maflab.report"]
    ended = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert "holds no job of a sweep" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_command_needs_neither_torch_nor_hydra() -> None:
    code = "import sys, maflab.report.__main__; print(sorted({'torch', 'hydra', 'omegaconf'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout.strip() == "[]"


class Links(html.parser.HTMLParser):
    """Collects what a page would fetch, and its open elements."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {"src", "href", "srcset", "data", "poster"}
        self.fetched += [value or "" for name, value in attrs if name in names]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_the_page_fetches_nothing_and_is_well_formed(written: Path) -> None:
    page = (written / "report.html").read_text()
    links = Links()
    links.feed(page)
    assert (links.open, links.wrong) == ([], [])
    assert links.fetched
    assert all(link.startswith(("#", "data:image/jpeg;base64,")) for link in links.fetched)
    assert not re.search(r"@import|url\(|https?://", page)
    assert "99_&lt;job&gt;" in page


@pytest.mark.parametrize("error", [112.0, float("nan")])
def test_a_sweep_of_almost_nothing_has_a_page(tmp_path: Path, error: float) -> None:
    absent = ("samples", "protocol", "cost", "git", "split")
    write_job(tmp_path / "0_a", [], [159.0, error], drop=absent)
    write_job(tmp_path / "1_b", ["a=2"], [159.0, float("nan")], drop=absent)
    assert main([str(tmp_path)]) == 0
    page = (tmp_path / "report" / "report.html").read_text()
    assert ("112.0" in page) == (error == 112.0)
    assert "NaN" in page
    assert not re.search(r'[ "]-?(nan|inf)\b', re.sub(r'data-value="nan"', "", page))  # no place in a drawing
    assert "The runs tell no cost" in page


def test_runs_csv_has_every_figure(written: Path, grid_sweep: Path) -> None:
    with (written / "runs.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 3 * 2 * (2 + 3 + 4)  # seeds, levels, estimates
    assert {line["pa_mpjpe"] for line in lines if line["iteration"] == "0"} == {"159"}


def test_cells_csv_agrees_with_runs_csv(written: Path) -> None:
    with (written / "cells.csv").open() as cells, (written / "runs.csv").open() as runs:
        lines, singles = list(csv.DictReader(cells)), list(csv.DictReader(runs))
    for line in lines:
        last = [
            float(s["pa_mpjpe"])
            for s in singles
            if s["cell"] == line["cell"] and s["iteration"] == line["maf.iterations"]
        ]
        assert float(line["pa_mpjpe_mean"]) == pytest.approx(sum(last) / 3, rel=1e-5)
    assert [line["verdict"] for line in lines].count("baseline") == 1


def test_commands_are_what_was_typed(written: Path) -> None:
    text = (written / "report.md").read_text()
    commands = [shlex.split(line) for line in text.splitlines() if line.startswith("python train.py")]
    assert commands[0] == [
        *("python", "train.py", "-m", "+experiment=maf_3iter"),
        *("encoder.levels=range(1,3)", "maf.iterations=1,2,3", "seed=0,1,2"),
    ]
    assert len(commands) == 1 + 18
    assert "git checkout 0123456789abcdef0123456789abcdef01234567" in text


def test_the_command_of_a_run_is_one_run(tmp_path: Path) -> None:
    # `+sweep=` asks for many; what a search changes besides its parameters is the split.
    write_job(tmp_path / "0_a", ["+sweep=points", "maf.points=32"], [159.0, 112.0])
    (tmp_path / "0_a" / ".hydra" / "hydra.yaml").write_text(json.dumps({"hydra": {"job": {"name": "train"}}}))
    searched = write_job(tmp_path / "b" / "1_b", ["+sweep=optuna", "maf.hidden=64"], [159.0, 112.0], split="val")
    first, second = (read_sweep(folder).runs[0] for folder in (tmp_path / "0_a", searched))
    assert run_command(first) == "python train.py maf.points=32 seed=0"
    assert run_command(second) == "python train.py maf.hidden=64 seed=0 report.split=val"


def test_pictures_are_told_with_their_errors(written: Path, grid_sweep: Path) -> None:
    page = (written / "report.html").read_text()
    best = digest(read_sweep(grid_sweep)).best()
    assert best is not None
    errors = best.runs[0].samples["pa_mpjpe"][-1]
    for sample in (errors.argmax(), errors.argmin()):
        assert f"PA-MPJPE {errors[sample]:.1f} mm; row {sample} of the pack" in page


def test_a_fit_is_a_method_beside_the_others(tmp_path: Path) -> None:
    write_job(tmp_path / "0_net", ["+experiment=maf_1iter"], [159.0, 112.0])
    overrides, config = ["fit=smplify", "body=anny", "data=synthetic"], {"experiment": "???"}
    fit = write_job(tmp_path / "1_fit", overrides, [159.0, 64.0], config=config)
    (fit / ".hydra" / "hydra.yaml").write_text(json.dumps({"hydra": {"job": {"name": "evaluate"}}}))
    result = json.loads((fit / "metrics.json").read_text())
    result["metrics"]["fit"] = result["metrics"].pop("iter1")
    (fit / "metrics.json").write_text(json.dumps(result))
    study = digest(read_sweep(tmp_path))
    assert [study.finals["pa_mpjpe"][number].mean for number in (1, 2)] == [112.0, 64.0]
    assert study.comparisons[2].samples is not None
    assert study.cells[1].label == "–, fit=smplify, body=anny, data=synthetic"
    assert any("fitted to the labelled 2D key points" in n and "1_fit" in n for n in study.notices)
    assert run_command(study.sweep.runs[1]) == "python evaluate.py fit=smplify body=anny data=synthetic seed=0"


def test_costs_have_their_spread(tmp_path: Path) -> None:
    for seed, seconds in enumerate((0.010, 0.012, 0.014)):
        cost = {"parameters": 1_200_000, "seconds_per_image": seconds}
        write_job(tmp_path / f"{seed}_a", ["a=1"], [159.0, 112.0], seed=seed, cost=cost)
    (row,) = cost_table(digest(read_sweep(tmp_path))).rows
    assert [entry.text for entry in row[2:6]] == ["1.2", "12 ± 2", "–", "–"]


def test_shades_darken_in_equal_steps() -> None:
    # Relative luminance of sRGB, turned into the CIE's lightness: another model of the eye than the one shade() uses.
    def lightness(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        return 116 * luminance ** (1 / 3) - 16

    values = [lightness(shade(i / 10)) for i in range(11)]
    steps = [a - b for a, b in pairwise(values)]
    assert min(steps) > 0
    assert max(steps) < 1.3 * min(steps)


def test_the_page_in_a_browser(written: Path, browser: Any) -> None:
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(120_000)  # a busy machine is no error of the page
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto((written / "report.html").as_uri())

    boxes = [figure.bounding_box() for figure in page.locator("svg.figure").all()]
    assert len(boxes) == 4  # the grid, iterations, seeds, cost
    assert all(box["width"] > 300 and box["height"] > 100 for box in boxes)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator("img.strip").count() == 6 * 4
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")

    table = page.locator("table.sortable").first
    header = table.locator("th", has_text="PA-MPJPE")
    column = [entry.strip() for entry in table.locator("th").all_inner_texts()].index("PA-MPJPE (mm)") + 1

    def values() -> list[float]:
        return [float(t.split(" ")[0]) for t in table.locator(f"tbody td:nth-child({column})").all_inner_texts()]

    before = values()
    header.click()
    assert values() == sorted(before)
    assert header.get_attribute("aria-sort") == "ascending"
    header.click()
    assert values() == sorted(before, reverse=True)
    table.locator("th", has_text="cell").click()
    cells = table.locator("tbody td:nth-child(2)").all_inner_texts()
    assert cells == sorted(cells)
    assert complaints == []

    page.set_viewport_size({"width": 688, "height": 1017})  # A4 without its margins
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()
