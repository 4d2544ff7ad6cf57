"""`.npz` label files are read row by row, in memory that does not grow with them; others are refused."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maflab.data.sources.npz_labels import NpzLabels
from maflab.data.sources.person import SourceError


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_rows_are_numpys(save: Any, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    arrays = {
        "imgname": np.array([f"{i}.jpg" for i in range(1300)]),
        "scale": generator.random(1300),
        "part": generator.random((1300, 24, 3)).astype(np.float32),
        "columns": np.asfortranarray(generator.random((1300, 3))),
    }
    save(tmp_path / "a.npz", **arrays)
    labels = NpzLabels(tmp_path / "a.npz")
    assert len(labels) == 1300
    rows = list(labels.rows(list(arrays)))
    with np.load(tmp_path / "a.npz") as independent:
        for key in arrays:
            assert np.array_equal([row[key] for row in rows], independent[key]), key
    assert labels.shape("part") == (24, 3)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", imgname=np.arange(20_000), gtkps=np.zeros((20_000, 45, 3)))  # 21 MB
    tracemalloc.start()
    count = sum(1 for _ in NpzLabels(tmp_path / "a.npz").rows(["imgname", "gtkps"]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 5e6


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    objects = np.array([{"a": 1}, None], object)
    path = tmp_path / "a.npz"
    np.savez(path, imgname=np.array(["a", "b"]), info=objects, scale=np.ones(3), center=np.ones((2, 3)))
    labels = NpzLabels(path)
    with pytest.raises(SourceError, match=r"a\.npz: 'info' is an array of Python objects"):
        labels.check("info")
    with pytest.raises(SourceError, match=r"'scale' has the shape \(3,\), but there are 2 people"):
        list(labels.rows(["imgname", "scale"]))
    with pytest.raises(SourceError, match=r"'center' has the shape \(2, 3\); this reader expects \(2, 2\)"):
        labels.check("center", (2,))
    with pytest.raises(SourceError, match="has no 'pose'; it has center, imgname, info, scale"):
        labels.check("pose")
    with pytest.raises(SourceError, match="has no 'names'"):
        NpzLabels(path, counted="names")


def test_damage_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is missing"):
        NpzLabels(tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes(b"nonsense")
    with pytest.raises(SourceError, match=r"damaged or no \.npz"):
        NpzLabels(tmp_path / "a.npz")
    np.savez_compressed(tmp_path / "b.npz", imgname=np.random.default_rng(0).random(9000))
    content = bytearray((tmp_path / "b.npz").read_bytes())
    content[30_000:30_200] = bytes(200)
    (tmp_path / "b.npz").write_bytes(content)
    with pytest.raises(SourceError, match="damaged near row"):
        list(NpzLabels(tmp_path / "b.npz").rows(["imgname"]))
