"""From label files to a pack: what is kept is right, what is not is counted, no work is lost and no half is left."""

import functools
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spin_files import GREEN, HEIGHT, RED, WIDTH, marked, spin_arrays, write_spin

from maflab.body.joints import SPIN49
from maflab.body.model import BodyModel
from maflab.data import shards
from maflab.data.dataset import PackDataset
from maflab.data.pack_reader import PackReader
from maflab.data.prepare import CropSettings, LabelledSet, convert
from maflab.data.prepare.checks import Reason
from maflab.data.prepare.tally import SHEET, Tally
from maflab.data.sources.own import OwnLabels
from maflab.data.sources.person import SourceError
from maflab.data.sources.spin import SpinLabels

COUNT = 10


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_SIZE", 4)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def arrays(tiny_body: BodyModel, images: Path) -> dict[str, Any]:
    return spin_arrays(tiny_body, COUNT, images)


def made(path: Path, labels: Path, images: Path, **more: Any) -> Tally:
    reader = functools.partial(SpinLabels, labels=labels, images=images, video=True)
    labelled = LabelledSet("h36m", "train", labels, reader, "CC0", images, body="tiny")
    return convert(path, labelled, labelled.read(), CropSettings(), **more)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def left(folder: Path) -> list[str]:
    """What lies in a pack's folder, less the lock."""
    return sorted(path.name for path in folder.iterdir() if path.suffix not in (".lock", ".npz"))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, Any], images: Path) -> Path:
    """Made in one go by this process."""
    folder = tmp_path_factory.mktemp("reference")
    made(folder / "train.h5", write_spin(folder / "a.npz", arrays), images)
    return folder / "train.h5"


def test_pictures_and_labels_of_the_pack_belong_together(reference: Path, arrays: dict[str, Any]) -> None:
    reader = PackReader(reference)
    assert (reader.attributes["name"], reader.attributes["body"]) == ("h36m", "tiny")
    assert len(reader) == COUNT
    for row in range(COUNT):
        record, picture = reader.record(row), reader.image(row)
        for name, colour in (("RWrist", RED), ("LWrist", GREEN)):
            assert np.abs(marked(picture, colour) - record.keypoints_2d[SPIN49.index(name), :2]).max() < 1.5
        np.testing.assert_allclose(record.pose, arrays["pose"][row], rtol=1e-6)
        np.testing.assert_allclose(record.betas, arrays["shape"][row], rtol=1e-6)
        np.testing.assert_allclose(record.joints_3d, arrays["S"][row], rtol=1e-6)
        assert (record.has_pose, record.has_betas, record.has_joints_3d) == (True, True, True)
        assert (record.gender, record.frame) == (row % 2, 1 + 5 * row)
        assert record.sequence == "S1/S1_Walking_1.54138969"
        assert record.source_size.tolist() == [WIDTH, HEIGHT]
        x0, y0, scale = record.source_crop
        source = record.keypoints_2d[30, :2] / scale + (x0, y0)
        np.testing.assert_allclose(source, arrays["part"][row, 5, :2], atol=2e-3)


def test_a_sample_of_the_pack_shows_the_wrist_where_its_label_is(reference: Path) -> None:
    batch = PackDataset(reference, 224)[3]
    pixels = batch.image.permute(1, 2, 0).numpy() * (0.229, 0.224, 0.225) + (0.485, 0.456, 0.406)
    at = (batch.keypoints_2d[SPIN49.index("LWrist"), :2].numpy() + 1) / 2 * 223
    assert np.abs(marked((255 * pixels).clip(0, 255).astype(np.uint8), GREEN) - at).max() < 1.5


def test_workers_write_the_same_bytes(tmp_path: Path, arrays: dict[str, Any], images: Path, reference: Path) -> None:
    told: list[tuple[int, int, int]] = []
    labels = reference.parent / "a.npz"
    made(tmp_path / "train.h5", labels, images, workers=2, progress=lambda *now: told.append(now))
    assert digest(tmp_path / "train.h5") == digest(reference)
    assert told[-1] == (COUNT, COUNT, 0)


def test_an_interrupted_run_goes_on(tmp_path: Path, images: Path, reference: Path) -> None:
    def stop(done: int, count: int, left_out: int) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    labels, path = reference.parent / "a.npz", tmp_path / "train.h5"
    with pytest.raises(KeyboardInterrupt):
        made(path, labels, images, progress=stop)
    assert left(tmp_path) == [".train.h5.shards"]
    told: list[int] = []
    made(path, labels, images, progress=lambda done, *_: told.append(done))
    assert told[:2] == [4, 8]
    assert digest(path) == digest(reference)
    assert left(tmp_path) == ["train.h5"]


def test_a_killed_run_leaves_no_pack_and_goes_on(tmp_path: Path, images: Path, reference: Path) -> None:
    labels, path = reference.parent / "a.npz", tmp_path / "train.h5"
    program = f"""if True:
        import functools, os, signal
        from maflab.data import shards
        from maflab.data.prepare import CropSettings, LabelledSet, convert
        from maflab.data.sources.spin import SpinLabels
        shards.SHARD_SIZE = 4
        labels, images = {str(labels)!r}, {str(images)!r}
        reader = functools.partial(SpinLabels, labels=labels, images=images, video=True)
        labelled = LabelledSet("h36m", "train", labels, reader, "CC0", images, body="tiny")
        def stop(done, count, left_out):
            os.kill(os.getpid(), signal.SIGKILL)
        convert(__import__("pathlib").Path({str(path)!r}), labelled, reader(), CropSettings(), progress=stop)
    """
    assert subprocess.run([sys.executable, "-c", program]).returncode == -9
    assert left(tmp_path) == [".train.h5.shards"]
    made(path, labels, images)
    assert digest(path) == digest(reference)


def test_labels_that_changed_are_not_mixed_with_what_was_made_of_the_old_ones(
    tmp_path: Path, arrays: dict[str, Any], images: Path
) -> None:
    def stop(done: int, count: int, left_out: int) -> None:
        raise KeyboardInterrupt

    labels, path = write_spin(tmp_path / "a.npz", arrays), tmp_path / "train.h5"
    with pytest.raises(KeyboardInterrupt):
        made(path, labels, images, progress=stop)
    write_spin(labels, arrays, shape=arrays["shape"] + 1)
    made(path, labels, images)
    np.testing.assert_allclose(PackReader(path).labels["betas"], arrays["shape"] + 1, rtol=1e-5)


def test_who_cannot_be_used_is_left_out_and_counted(tmp_path: Path, arrays: dict[str, Any], images: Path) -> None:
    names = arrays["imgname"].astype("U200")
    (images / "damaged.jpg").write_bytes((images / names[0]).read_bytes()[:3000])
    center, part, openpose, pose = (arrays[key].copy() for key in ("center", "part", "openpose", "pose"))
    names[0], names[1] = "nowhere/a.jpg", "damaged.jpg"
    center[2] += 5000
    part[3, :, 2], openpose[3, :, 2] = 0, 0
    pose[4, 7] = np.nan
    scale = arrays["scale"].copy()
    names[6], center[6], scale[6] = names[5], center[5], scale[5]
    has_smpl = np.ones(COUNT, int)
    has_smpl[3] = 0
    changes = dict(
        imgname=names, center=center, scale=scale, part=part, openpose=openpose, pose=pose, has_smpl=has_smpl
    )
    labels = write_spin(tmp_path / "a.npz", arrays, without=("S",), **changes)
    tally = made(tmp_path / "train.h5", labels, images)
    assert dict(tally.left_out) == {
        Reason.MISSING: 1,
        Reason.UNREADABLE: 1,
        Reason.OUTSIDE: 1,
        Reason.NO_LABEL: 1,
        Reason.NOT_FINITE: 1,
        Reason.DUPLICATE: 1,
    }
    assert tally.examples[Reason.MISSING][0].image == str(images / "nowhere/a.jpg")
    assert [tally.examples[reason][0].row for reason in (Reason.UNREADABLE, Reason.OUTSIDE)] == [1, 2]
    assert tally.kept == len(PackReader(tmp_path / "train.h5")) == COUNT - 6
    assert tally.people == COUNT


def test_a_record_of_another_form_is_counted_and_told_with_its_place(
    tmp_path: Path, arrays: dict[str, Any], images: Path
) -> None:
    box = [*(arrays["center"][0] - 50), 100, 100]
    records = [{"image": name, "box": list(map(float, box)), "focal": 500} for name in arrays["imgname"].tolist()]
    records = [record | {"keypoints": {"Nose": [300, 200]}} for record in records]
    records[1]["pose"], records[6]["focal"] = [0.0] * 71, "long"
    labels, path = tmp_path / "own.jsonl", tmp_path / "pack" / "train.h5"
    labels.write_text("\n".join(map(json.dumps, records)))
    labelled = LabelledSet("own", "train", labels, lambda: OwnLabels(labels, images), "CC0", images)
    tally = convert(path, labelled, labelled.read(), CropSettings(), workers=2)
    assert (tally.kept, dict(tally.left_out)) == (COUNT - 2, {Reason.UNUSABLE: 2})
    first, second = tally.examples[Reason.UNUSABLE]
    assert (first.row, first.image) == (1, records[1]["image"])
    assert first.detail == "line 2: pose has 71 numbers, not 72"
    assert second.detail.startswith("line 7: could not convert")
    assert "row 1, " in tally.sentence()
    assert first.detail in tally.sentence()


def test_pictures_that_came_since_are_taken_in_when_the_work_goes_on(
    tmp_path: Path, arrays: dict[str, Any], images: Path
) -> None:
    own = tmp_path / "own"
    for name in arrays["imgname"][1:]:
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_bytes((images / name).read_bytes())
    labels, path = write_spin(tmp_path / "a.npz", arrays), tmp_path / "packs" / "train.h5"

    def stop(done: int, count: int, left_out: int) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(path, labels, own, progress=stop)
    (own / arrays["imgname"][0]).write_bytes((images / arrays["imgname"][0]).read_bytes())
    assert not made(path, labels, own).left_out


def test_a_set_without_anybody_to_keep_is_refused(tmp_path: Path, arrays: dict[str, Any], images: Path) -> None:
    labels = write_spin(tmp_path / "a.npz", arrays)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"gives nobody to keep: 10 picture missing \(e\.g\. row 0, .*000001\.jpg"):
        made(tmp_path / "packs" / "train.h5", labels, tmp_path / "empty")
    assert not (tmp_path / "packs" / "train.h5").exists()
    with pytest.raises(SourceError, match="is no folder"):
        made(tmp_path / "packs" / "train.h5", labels, tmp_path / "nowhere")


def test_a_limit_takes_the_first_people(tmp_path: Path, arrays: dict[str, Any], images: Path) -> None:
    tally = made(tmp_path / "train.h5", write_spin(tmp_path / "a.npz", arrays), images, limit=5)
    assert tally.kept == 5
    assert PackReader(tmp_path / "train.h5").labels["frame"].tolist() == [1, 6, 11, 16, 21]


def test_every_record_is_as_likely_as_another_to_be_on_the_sheet() -> None:
    """Each of 60 rows is kept with the chance 24/60; over 400 tallies 160 times, give or take 10."""
    times = np.zeros(60)
    for seed in range(400):
        tally = Tally()
        tally._rng.seed(seed)
        for row in range(60):
            tally._take_sample({"row": row})
            tally.kept += 1
        assert len(tally.sample) == SHEET
        times[[row for row, _ in tally.sample]] += 1
    assert np.abs(times - 160).max() < 40


@pytest.mark.slow
def test_memory_does_not_grow_with_the_set(tmp_path: Path, arrays: dict[str, Any], images: Path) -> None:
    """Sixteen times the people (4,000 against 250): the process takes up to 10 MB more, where their labels take 6 and
    their pictures 25."""
    program = """if True:
        import functools, re, sys
        from pathlib import Path
        from maflab.data.prepare import CropSettings, LabelledSet, convert
        from maflab.data.sources.spin import SpinLabels
        labels, images, pack = sys.argv[1:]
        reader = functools.partial(SpinLabels, labels=labels, images=images)
        labelled = LabelledSet("a", "train", labels, reader, "CC0", images)
        convert(Path(pack), labelled, reader(), CropSettings(side=64))
        status = Path("/proc/self/status").read_text()  # getrusage would count the parent's memory before the exec
        print(int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024)
    """
    taken = []
    for count in (250, 4000):
        many = {key: np.repeat(values, count // COUNT, axis=0) for key, values in arrays.items()}
        many["center"] = many["center"] + np.random.default_rng(0).normal(0, 0.1, (count, 2))  # nobody twice
        labels = write_spin(tmp_path / f"{count}.npz", many)
        arguments = [str(labels), str(images), str(tmp_path / f"{count}.h5")]
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
        taken.append(float(done.stdout))
        assert len(PackReader(tmp_path / f"{count}.h5")) == count
    assert taken[1] - taken[0] < 10
