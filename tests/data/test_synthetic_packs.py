"""Writing packs of synthetic people: the same bytes however they are made, and no work lost."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from maflab.body.arrays import BodyArrays
from maflab.body.model import BodyModel
from maflab.data import shards
from maflab.data.pack import PackError, PackWriter
from maflab.data.pack_reader import PackReader
from maflab.data.synthetic import contact_sheet, generate_pack

COUNT, SIZE = 10, 48


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_SIZE", 4)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, tiny_arrays: BodyArrays) -> Path:
    """Made in one go by this process."""
    return generate_pack(tmp_path_factory.mktemp("reference") / "a.h5", tiny_arrays, COUNT, 3, SIZE, workers=1)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_two_workers_write_the_same_bytes(tmp_path: Path, tiny_body: BodyModel, reference: Path) -> None:
    told: list[tuple[int, int]] = []
    path = generate_pack(
        tmp_path / "b.h5", tiny_body, COUNT, 3, SIZE, workers=2, progress=lambda *now: told.append(now)
    )
    assert digest(path) == digest(reference)
    assert told[0] == (0, COUNT)
    assert told[-1] == (COUNT, COUNT)


def test_pack_holds_all_labels(reference: Path, tiny_arrays: BodyArrays) -> None:
    reader = PackReader(reference)
    assert len(reader) == COUNT
    assert reader.attributes["body"] == tiny_arrays.name
    assert reader.attributes["recipe"]["seed"] == 3
    labels = reader.labels
    for field in ("has_pose", "has_betas", "has_joints_3d"):
        assert (labels[field] == 1).all()
    assert (labels["camera"][:, 0] > 0).all()
    np.testing.assert_array_equal(labels["frame"], np.arange(COUNT))
    assert reader.image(0).shape == (SIZE, SIZE, 3)


def test_an_interrupted_run_goes_on(tmp_path: Path, tiny_arrays: BodyArrays, reference: Path) -> None:
    path = tmp_path / "c.h5"

    def stop(done: int, count: int) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_pack(path, tiny_arrays, COUNT, 3, SIZE, workers=1, progress=stop)
    assert not path.exists()
    told: list[int] = []
    generate_pack(path, tiny_arrays, COUNT, 3, SIZE, workers=1, progress=lambda done, _: told.append(done))
    assert told[0] == 4  # the finished shard was kept
    assert digest(path) == digest(reference)
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == []


def test_a_longer_pack_begins_with_the_shorter_one(tmp_path: Path, tiny_arrays: BodyArrays, reference: Path) -> None:
    longer = PackReader(generate_pack(tmp_path / "d.h5", tiny_arrays, COUNT + 3, 3, SIZE, workers=1))
    shorter = PackReader(reference)
    for row in range(COUNT):
        assert longer.record(row).jpeg == shorter.record(row).jpeg


def test_shards_of_other_settings_are_not_used(tmp_path: Path, tiny_arrays: BodyArrays, reference: Path) -> None:
    path = tmp_path / "e.h5"

    def stop(done: int, count: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_pack(path, tiny_arrays, COUNT, 4, SIZE, workers=1, progress=stop)
    generate_pack(path, tiny_arrays, COUNT, 3, SIZE, workers=1)
    assert digest(path) == digest(reference)


def test_a_damaged_shard_is_named_removed_and_made_again(
    tmp_path: Path, tiny_arrays: BodyArrays, reference: Path
) -> None:
    path = tmp_path / "f.h5"

    def damage(done: int, count: int) -> None:
        for shard in path.parent.glob(".f.h5.shards/*.npz"):
            if done == 4:
                shard.write_bytes(shard.read_bytes()[:100])

    with pytest.raises(PackError, match="run the same command again"):
        generate_pack(path, tiny_arrays, COUNT, 3, SIZE, workers=1, progress=damage)
    assert not path.exists()
    generate_pack(path, tiny_arrays, COUNT, 3, SIZE, workers=1)
    assert digest(path) == digest(reference)


def test_a_full_disk_is_one_sentence(tmp_path: Path, tiny_arrays: BodyArrays, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(PackError, match="free space"):
        generate_pack(tmp_path / "g.h5", tiny_arrays, 2, 0, SIZE, workers=1)
    assert not list(tmp_path.rglob("*.partial"))


def test_no_pictures_is_refused(tmp_path: Path, tiny_arrays: BodyArrays) -> None:
    with pytest.raises(ValueError, match="at least one"):
        generate_pack(tmp_path / "h.h5", tiny_arrays, 0)


def test_contact_sheet_shows_the_pictures(reference: Path) -> None:
    sheet = contact_sheet(reference, rows=2, cols=3)
    assert sheet.shape == (2 * SIZE, 3 * SIZE, 3)
    np.testing.assert_array_equal(sheet[:SIZE, :SIZE], PackReader(reference).image(0))
    assert (contact_sheet(reference, 2, 3, points=True) != sheet).any()
    assert not contact_sheet(reference, rows=4, cols=3, size=24)[-24:, -48:].any()  # ten pictures, twelve places


def test_contact_sheet_of_an_empty_pack_is_refused(tmp_path: Path) -> None:
    with PackWriter(tmp_path / "i.h5", "n", "train", "CC0", "s", "tiny", {}):
        pass
    with pytest.raises(PackError, match="no pictures"):
        contact_sheet(tmp_path / "i.h5")
