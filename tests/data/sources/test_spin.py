"""SPIN's `.npz`, alone and joined with fits: every key, absent ones unlabelled, and files that cannot be meant."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from spin_files import spin_arrays, write_spin

from maflab.body.model import BodyModel
from maflab.data.sources.person import SourceError
from maflab.data.sources.spin import SpinLabels

COUNT = 4


@pytest.fixture(scope="module")
def arrays(tiny_body: BodyModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return spin_arrays(tiny_body, COUNT, tmp_path_factory.mktemp("images"))


def test_every_key_is_read(tmp_path: Path, arrays: dict[str, Any]) -> None:
    people = list(SpinLabels(write_spin(tmp_path / "a.npz", arrays), tmp_path / "images", video=True))
    assert len(people) == COUNT
    for i, person in enumerate(people):
        assert person.image == tmp_path / "images" / arrays["imgname"][i]
        assert_allclose(person.center, arrays["center"][i], rtol=1e-6)
        assert person.size == pytest.approx(200 * arrays["scale"][i])
        assert person.keypoints_2d is not None
        assert_allclose(person.keypoints_2d[:25], arrays["openpose"][i], rtol=1e-6)
        assert_allclose(person.keypoints_2d[25:], arrays["part"][i], rtol=1e-6)
        assert_allclose(person.joints_3d, arrays["S"][i], rtol=1e-6)
        assert_allclose(person.pose, arrays["pose"][i], rtol=1e-6)
        assert_allclose(person.betas, arrays["shape"][i], rtol=1e-6)
        assert person.gender == i % 2
        assert (person.sequence, person.frame) == ("S1/S1_Walking_1.54138969", 1 + 5 * i)


def test_absent_keys_are_unlabelled(tmp_path: Path, arrays: dict[str, Any]) -> None:
    labels = write_spin(tmp_path / "a.npz", {key: arrays[key] for key in ("imgname", "center", "scale")})
    person = next(iter(SpinLabels(labels, tmp_path)))
    assert (person.keypoints_2d, person.joints_3d, person.pose, person.betas, person.gender) == (None,) * 4 + (-1,)


def test_the_absent_half_of_the_key_points_has_no_confidence(tmp_path: Path, arrays: dict[str, Any]) -> None:
    for key, absent in (("openpose", slice(0, 25)), ("part", slice(25, 49))):
        labels = write_spin(tmp_path / f"{key}.npz", arrays, without=(key,))
        person = next(iter(SpinLabels(labels, tmp_path)))
        assert person.keypoints_2d is not None
        assert not person.keypoints_2d[absent].any()
        assert (person.keypoints_2d[:, 2] > 0).sum() == 49 - len(range(49)[absent])


def test_has_smpl_says_where_pose_and_shape_hold_and_without_it_they_always_do(
    tmp_path: Path, arrays: dict[str, Any]
) -> None:
    some = write_spin(tmp_path / "some.npz", arrays, has_smpl=np.array([1, 0, 1, 0]))
    assert [person.pose is not None for person in SpinLabels(some, tmp_path)] == [True, False, True, False]
    every = write_spin(tmp_path / "every.npz", arrays, without=("has_smpl",))
    assert all(person.betas is not None for person in SpinLabels(every, tmp_path))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("images/S9_Directions_1.54138969_000006.jpg", ("images/S9_Directions_1.54138969", 6)),
        ("S1/Seq1/imageFrames/video_0/frame_000010.jpg", ("S1/Seq1/imageFrames/video_0", 10)),
        ("imageFiles/downtown_arguing_00/image_00012.jpg", ("imageFiles/downtown_arguing_00", 12)),
    ],
)
def test_names_of_frames_say_which_sequence(
    tmp_path: Path, arrays: dict[str, Any], name: str, place: tuple[str, int]
) -> None:
    labels = write_spin(tmp_path / "a.npz", arrays, imgname=np.array([name.encode()] * COUNT))
    person = next(iter(SpinLabels(labels, tmp_path, video=True)))
    assert (person.sequence, person.frame) == place
    assert person.image == tmp_path / name


def test_the_number_in_a_still_pictures_name_is_its_own(tmp_path: Path, arrays: dict[str, Any]) -> None:
    names = np.array(["val2014/COCO_val2014_000000318556.jpg"] * COUNT)
    person = next(iter(SpinLabels(write_spin(tmp_path / "a.npz", arrays, imgname=names), tmp_path)))
    assert (person.image_id, person.sequence) == (318556, "")


def test_valid_fits_take_the_place_of_the_files_own(tmp_path: Path, arrays: dict[str, Any]) -> None:
    labels = write_spin(tmp_path / "a.npz", arrays, has_smpl=np.array([1, 1, 0, 0]))
    fits = {"pose": arrays["pose"] + 1, "betas": arrays["shape"] + 1, "valid_fit": np.array([1, 0, 1, 0])}
    np.savez(tmp_path / "fits.npz", **fits)
    people = list(SpinLabels(labels, tmp_path, tmp_path / "fits.npz"))
    assert_allclose(people[0].pose, arrays["pose"][0] + 1, rtol=1e-6)
    assert_allclose(people[1].pose, arrays["pose"][1], rtol=1e-6)
    assert_allclose(people[2].betas, arrays["shape"][2] + 1, rtol=1e-6)
    assert people[3].pose is None


def test_fits_of_human36m_lie_side_by_side(tmp_path: Path, arrays: dict[str, Any]) -> None:
    labels = write_spin(tmp_path / "a.npz", arrays, without=("pose", "shape", "has_smpl"))
    np.save(tmp_path / "fits.npy", np.concatenate([arrays["pose"], arrays["shape"]], axis=1))
    for i, person in enumerate(SpinLabels(labels, tmp_path, tmp_path / "fits.npy")):
        assert_allclose(person.pose, arrays["pose"][i], rtol=1e-6)
        assert_allclose(person.betas, arrays["shape"][i], rtol=1e-6)


def test_fits_of_another_length_are_refused(tmp_path: Path, arrays: dict[str, Any]) -> None:
    labels = write_spin(tmp_path / "a.npz", arrays)
    np.save(tmp_path / "fits.npy", np.zeros((COUNT + 1, 82)))
    with pytest.raises(SourceError, match=r"has 5 fits but .*a\.npz 4 people"):
        SpinLabels(labels, tmp_path, tmp_path / "fits.npy")


@pytest.mark.parametrize(
    ("content", "message"),
    [(np.zeros((COUNT, 80)), r"\(N, 82\)"), (np.array([{}] * COUNT), "no .npy file of numbers"), (None, "is missing")],
)
def test_fits_of_another_form_are_refused(
    tmp_path: Path, arrays: dict[str, Any], content: np.ndarray | None, message: str
) -> None:
    if content is not None:
        np.save(tmp_path / "fits.npy", content)
    with pytest.raises(SourceError, match=message):
        SpinLabels(write_spin(tmp_path / "a.npz", arrays), tmp_path, tmp_path / "fits.npy")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pose": np.array([np.zeros(72)] * 3 + [None], dtype=object)}, "'pose' is an array of Python objects"),
        ({"scale": np.ones(COUNT - 1)}, r"'scale' has the shape \(3,\), but there are 4"),
        ({"part": np.zeros((COUNT, 25, 3))}, r"'part' has the shape \(4, 25, 3\)"),
        ({"S": np.zeros((COUNT, 24, 3))}, r"'S' has the shape"),
    ],
)
def test_arrays_that_cannot_be_meant_are_refused(
    tmp_path: Path, arrays: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        SpinLabels(write_spin(tmp_path / "a.npz", arrays, **changes), tmp_path)


@pytest.mark.parametrize(
    ("without", "message"), [(("imgname",), "no 'imgname'"), (("center",), "no 'center'"), (("shape",), "SPIN's files")]
)
def test_files_without_what_they_need_are_refused(
    tmp_path: Path, arrays: dict[str, Any], without: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        SpinLabels(write_spin(tmp_path / "a.npz", arrays, without=without), tmp_path)
