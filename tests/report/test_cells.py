"""Which runs are one cell, what the cells are called, and how they lie on two axes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maflab.report.cells import find_cell, group_cells, lay_out
from maflab.report.errors import ReportError
from maflab.report.runs import Run


def run(*overrides: str, seed: int = 0, config: dict[str, Any] | None = None) -> Run:
    """A run of which only the settings matter."""
    metrics = {"pa_mpjpe": np.array([159.0, 112.0])}
    name = "_".join(overrides) + f"_{seed}"
    return Run(Path(name), name, [*overrides, f"seed={seed}"], config or {}, seed, metrics, {}, {})


def test_seeds_share_a_cell_in_whatever_order_the_overrides_come() -> None:
    cells = group_cells([run("a=1", "b=2"), run("b=2", "a=1", seed=1), run("a=2", "b=2")])
    assert [len(cell.runs) for cell in cells] == [2, 1]
    assert [cell.label for cell in cells] == ["a=1", "a=2"]  # b is the same everywhere


def test_a_setting_that_was_not_given_is_looked_up_in_the_config() -> None:
    config = {"maf": {"iterations": 3}}
    cells = group_cells([run("maf.iterations=1"), run(config=config)])
    assert [cell.label for cell in cells] == ["iterations=1", "iterations=3"]


def test_an_experiment_is_called_by_its_name() -> None:
    cells = group_cells([run("+experiment=hmr_3iter"), run("+experiment=maf_3iter")])
    assert [cell.label for cell in cells] == ["hmr_3iter", "maf_3iter"]


def test_keys_of_one_name_are_told_apart() -> None:
    cells = group_cells([run("encoder.levels=1", "maf.levels=1"), run("encoder.levels=2", "maf.levels=2")])
    assert cells[0].label == "encoder.levels=1, maf.levels=1"


def test_a_seed_twice_is_refused() -> None:
    with pytest.raises(ReportError, match="same seed"):
        group_cells([run("a=1"), run("a=1")])


def test_a_full_grid_has_numbers_in_order() -> None:
    cells = group_cells([run(f"levels={level}", f"iterations={t}") for t in (10, 2) for level in (1, 2, 3)])
    grid = lay_out(cells)
    assert grid is not None
    assert (grid.row_title, grid.column_title) == ("iterations", "levels")
    assert (grid.rows, grid.columns) == (["2", "10"], ["1", "2", "3"])
    assert {place: cell.settings for place, cell in grid.places.items()} == {
        (r, c): {"levels": str(c + 1), "iterations": str(t)} for r, t in enumerate((2, 10)) for c in range(3)
    }


def test_settings_that_go_together_are_one_axis() -> None:
    pairs = [("global", "true"), ("grid", "false"), ("mesh", "false")]
    cells = group_cells([run(f"maf={m}", f"share={s}", f"iterations={t}") for m, s in pairs for t in (1, 2, 3, 4)])
    grid = lay_out(cells)
    assert grid is not None
    assert (len(grid.rows), grid.columns) == (3, ["1", "2", "3", "4"])


def test_what_is_no_grid_has_no_axes() -> None:
    assert lay_out(group_cells([run("a=1"), run("a=2")])) is None
    assert lay_out(group_cells([run(f"a={i}", f"b={i}") for i in range(5)])) is None


def test_the_baseline_is_the_global_cell_the_first_or_the_named_one() -> None:
    plain = [run("a=1"), run("a=2", config={"maf": {"sources": ["global"]}}), run("a=3", config={"maf": None})]
    cells = group_cells(plain)
    assert find_cell(cells, None).label == "a=2"
    assert find_cell(cells[2:], None).label == "a=3"
    assert find_cell(cells, "a=3") is find_cell(cells, "3")
    with pytest.raises(ReportError, match="did you mean 'a=3'"):
        find_cell(cells, "aa=3")
