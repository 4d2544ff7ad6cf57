"""Packs: what is written is read, nothing half-written is left, and damage is named."""

import hashlib
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from maflab.data.pack import PackError, PackWriter
from maflab.data.pack_reader import PackReader

ATTRIBUTES = dict(name="a", split="train", licence="CC0", source="drawn", body="tiny", recipe={"seed": 3})
MakePack = Callable[[str, Any], Path]


def test_records_come_back_as_appended(tiny_pack: Path, tiny_records: list[dict[str, Any]]) -> None:
    reader = PackReader(tiny_pack)
    assert len(reader) == len(tiny_records)
    for row, given in enumerate(tiny_records):
        record = reader.record(row)._asdict()
        for key, value in given.items():
            if isinstance(value, np.ndarray):
                assert_array_equal(record[key], value.astype(np.float32))
            else:
                assert record[key] == (pytest.approx(value) if isinstance(value, float) else value), key


def test_attributes_and_recipe(tiny_pack: Path) -> None:
    attributes = PackReader(tiny_pack).attributes
    assert attributes["body"] == "tiny"
    assert attributes["recipe"] == {"seed": 0}


def test_absent_labels_are_zero_and_marked(tmp_path: Path, tiny_records: list[dict[str, Any]]) -> None:
    with PackWriter(tmp_path / "a.h5", **ATTRIBUTES) as writer:
        writer.append(jpeg=tiny_records[0]["jpeg"], center=(3, 4), size=10)
    record = PackReader(tmp_path / "a.h5").record(0)
    assert (record.has_pose, record.has_betas, record.has_joints_3d, record.gender) == (False, False, False, -1)
    for labels in (record.pose, record.betas, record.keypoints_2d, record.joints_3d, record.camera):
        assert not labels.any()


def test_where_a_crop_came_from_comes_back(tmp_path: Path, tiny_records: list[dict[str, Any]]) -> None:
    origin = dict(source_crop=(12.5, -3, 0.75), source_size=(1000, 1002), focal=1145.5, annotation=1 << 40, image_id=7)
    with PackWriter(tmp_path / "a.h5", **ATTRIBUTES) as writer:
        writer.append(**tiny_records[0] | origin)
        writer.append(**tiny_records[1])
    reader = PackReader(tmp_path / "a.h5")
    first, second = reader.record(0), reader.record(1)
    assert first.source_crop.tolist() == [12.5, -3, 0.75]
    assert first.source_size.tolist() == [1000, 1002]
    assert (first.focal, first.annotation, first.image_id) == (1145.5, 1 << 40, 7)
    assert (second.focal, second.annotation, second.image_id) == (0, -1, -1)
    assert not second.source_crop.any()


def test_a_pack_of_version_1_is_read_with_the_later_labels_absent(make_pack: MakePack) -> None:
    path = make_pack("a.h5", 3)
    newer = PackReader(path).record(2)
    with h5py.File(path, "r+") as file:
        file.attrs["format"] = "maflab-pack/1"
        for field in ("source_crop", "source_size", "focal", "annotation", "image_id"):
            del file[field]
    older = PackReader(path).record(2)
    assert older.jpeg == newer.jpeg
    for field, value in newer._asdict().items():
        assert_array_equal(getattr(older, field), value)
    assert (older.annotation, older.image_id) == (-1, -1)


def test_records_copy_into_another_pack_with_equal_bytes(tiny_pack: Path, tmp_path: Path) -> None:
    reader = PackReader(tiny_pack)
    with PackWriter(tmp_path / "copy.h5", **reader.attributes) as writer:
        for row in range(len(reader)):
            writer.append(**reader.record(row)._asdict())
    assert _digest(tmp_path / "copy.h5") == _digest(tiny_pack)


def test_equal_records_give_equal_bytes_in_another_process(tmp_path: Path) -> None:
    program = """if True:
        import sys
        from maflab.data.pack import PackWriter
        with PackWriter(sys.argv[1], "a", "b", "c", "d", "e", {"z": 1, "y": [2]}) as writer:
            for i in range(3000):
                jpeg = b"\\xff\\xd8" + bytes([i % 251]) * (i % 7000)
                writer.append(jpeg=jpeg, center=(i, 1), size=1 + i, sequence=f"s{i}")
    """
    for name in ("a.h5", "b.h5"):
        subprocess.run([sys.executable, "-c", program, str(tmp_path / name)], check=True)
    assert _digest(tmp_path / "a.h5") == _digest(tmp_path / "b.h5")
    reader = PackReader(tmp_path / "a.h5")
    assert reader.jpeg(2999).tobytes() == b"\xff\xd8" + bytes([2999 % 251]) * 2999
    assert reader.record(2999).sequence == "s2999"


def test_an_exception_leaves_nothing_and_keeps_the_older_pack(make_pack: MakePack, tiny_records: list[Any]) -> None:
    path = make_pack("a.h5", 2)
    before = _digest(path)

    def fail() -> None:
        with PackWriter(path, **ATTRIBUTES) as writer:
            writer.append(**tiny_records[0])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert _digest(path) == before
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(make_pack: MakePack) -> None:
    path = make_pack("a.h5", 2)
    before = _digest(path)
    program = """if True:
        import resource, sys
        from maflab.data.pack import PackError, PackWriter
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))  # as if the disk had 4 MiB left
        try:
            with PackWriter(sys.argv[1], "a", "b", "c", "d", "e", {}) as writer:
                for i in range(3000):
                    writer.append(jpeg=b"\\xff\\xd8" + bytes(10_000), center=(0, 0), size=1)
        except PackError as error:
            sys.exit(0 if "could not be written" in str(error) and "free space" in str(error) else str(error))
        sys.exit("no error")
    """
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert _digest(path) == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(pose=np.full(72, np.nan)), "pose has a value that is not finite"),
        (dict(betas=np.zeros(11)), r"betas has shape \(11,\)"),
        (dict(size=0.0), "size"),
        (dict(jpeg=b"\x89PNG"), "not a JPEG"),
    ],
)
def test_the_writer_refuses_bad_records(
    make_pack: MakePack, tmp_path: Path, tiny_records: list[dict[str, Any]], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(PackError, match=message):
        make_pack("a.h5", [tiny_records[0], tiny_records[1] | change])
    assert not list(tmp_path.iterdir())


def test_appending_outside_the_with_block_is_refused(tmp_path: Path, tiny_records: list[dict[str, Any]]) -> None:
    with pytest.raises(PackError, match="not open for writing"):
        PackWriter(tmp_path / "a.h5", **ATTRIBUTES).append(**tiny_records[0])


def test_missing_pack(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"no pack .*gone\.h5"):
        len(PackReader(tmp_path / "gone.h5"))


@pytest.mark.parametrize("part", [0.0, 0.3, 0.95])
def test_truncated_pack(make_pack: MakePack, part: float) -> None:
    path = make_pack("a.h5", 8)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(PackError, match=r"a\.h5 is truncated"):
        len(PackReader(path))


def test_another_hdf5_file_is_not_a_pack(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(PackError, match="not a pack"):
        len(PackReader(tmp_path / "other.h5"))


def test_another_format_version(make_pack: MakePack) -> None:
    path = make_pack("a.h5", 2)
    with h5py.File(path, "r+") as file:
        file.attrs["format"] = "maflab-pack/7"
    with pytest.raises(PackError, match="format version 7"):
        len(PackReader(path))


@pytest.mark.parametrize(("field", "value"), [("betas", np.nan), ("keypoints_2d", np.inf), ("size", -1.0)])
def test_unusable_labels_name_field_and_first_row(make_pack: MakePack, field: str, value: float) -> None:
    path = make_pack("a.h5", 8)
    with h5py.File(path, "r+") as file:
        file[field][5:7] = value
    with pytest.raises(PackError, match=rf"{field} of row 5 \(and 1 others\)"):
        len(PackReader(path))


@pytest.mark.parametrize("name", ["pose", "source_crop", "images/offsets", "sequence_names"])
def test_a_missing_field_is_named(make_pack: MakePack, name: str) -> None:
    path = make_pack("a.h5", 2)
    with h5py.File(path, "r+") as file:
        del file[name]
    with pytest.raises(PackError, match=rf"damaged pack.*{name.split('/')[-1]}"):
        len(PackReader(path))


def test_a_picture_that_is_none_names_pack_and_row(tmp_path: Path, tiny_records: list[dict[str, Any]]) -> None:
    with PackWriter(tmp_path / "a.h5", **ATTRIBUTES) as writer:
        writer.append(**tiny_records[0])
        writer.append(**tiny_records[1] | {"jpeg": b"\xff\xd8 this is no picture"})
    reader = PackReader(tmp_path / "a.h5")
    assert reader.image(0).shape == (128, 128, 3)
    with pytest.raises(PackError, match=r"a\.h5: the picture of row 1"):
        reader.image(1)


def test_images_are_rgb_and_the_decoder_reduces_by_averaging(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)
    picture = cv2.resize(noise, (384, 256), interpolation=cv2.INTER_CUBIC)
    with PackWriter(tmp_path / "a.h5", **ATTRIBUTES) as writer:
        writer.append(jpeg=cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes(), center=(1, 1), size=9)
    reader = PackReader(tmp_path / "a.h5")
    for reduction in (1, 2, 4, 8):
        small = cv2.resize(picture, None, fx=1 / reduction, fy=1 / reduction, interpolation=cv2.INTER_AREA)
        error = np.abs(reader.image(0, reduction).astype(int) - small)
        assert error.mean() < 6, reduction


def test_a_used_reader_pickles_to_its_path(tiny_pack: Path) -> None:
    reader = PackReader(tiny_pack)
    first = reader.image(0)
    data = pickle.dumps(reader)
    assert len(data) < 1000
    assert_array_equal(pickle.loads(data).image(0), first)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
