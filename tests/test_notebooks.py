"""The notebooks run from top to bottom in a minute each, with nothing prepared, and are kept without output."""

import json
import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PICTURES = {"1_tour": 3, "2_sweep": 1, "3_own_data": 2}


def test_there_are_three_tours() -> None:
    assert [path.stem for path in NOTEBOOKS] == sorted(PICTURES)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_output(path: Path) -> None:
    cells = json.loads(path.read_text())["cells"]
    assert [c["id"] for c in cells if c.get("outputs") or c.get("execution_count")] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(path: Path, anny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("MAFLAB_DATA", str(tmp_path))
    (tmp_path / "body").symlink_to(anny_folder)
    monkeypatch.delenv("MAFLAB_SWEEP", raising=False)
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the notebook's own keeps the pictures
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    before = os.times()
    client = nbclient.NotebookClient(notebook, timeout=250, resources={"metadata": {"path": str(FOLDER)}})
    client.execute()  # raises the error of a cell
    after = os.times()  # of the kernel, which has ended, not of the clock: other work may slow a test down
    assert after.children_user + after.children_system - before.children_user - before.children_system < 60
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output.get("text", "") for output in outputs)
    assert " at 0x" not in printed  # an object, where a reader expects its value
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= PICTURES[path.stem]
