"""EFT's `.json`: the same people as SPIN's form holds, read as a stream."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation
from spin_files import spin_arrays, write_eft

from maflab.body.model import BodyModel
from maflab.data.sources import json_items
from maflab.data.sources.eft import Eft
from maflab.data.sources.person import Person, SourceError, Unusable

COUNT = 3


@pytest.fixture(scope="module")
def arrays(tiny_body: BodyModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return spin_arrays(tiny_body, COUNT, tmp_path_factory.mktemp("images"))


def test_people_are_those_of_spins_form(tmp_path: Path, arrays: dict[str, Any]) -> None:
    eft = Eft(write_eft(tmp_path / "a.json", arrays), tmp_path)
    assert len(eft) == COUNT
    for i, person in enumerate(eft):
        assert person.pose is not None
        turned = Rotation.from_rotvec(person.pose.reshape(24, 3)).as_matrix()
        assert_allclose(turned, Rotation.from_rotvec(arrays["pose"][i].reshape(24, 3)).as_matrix(), atol=1e-5)
        assert_allclose(person.betas, arrays["shape"][i], rtol=1e-6)
        assert_allclose(person.camera, [0.8, 0.01, -0.02], rtol=1e-6)
        assert_allclose(person.center, arrays["center"][i], rtol=1e-6)
        assert person.size == pytest.approx(200 * arrays["scale"][i])
        assert (person.annotation, person.image_id) == (100 + i, 1 + 5 * i)


def test_a_name_with_folders_is_found_by_its_last_part(tmp_path: Path, arrays: dict[str, Any]) -> None:
    path = write_eft(tmp_path / "a.json", arrays)
    name = Path(str(arrays["imgname"][0]))
    assert next(iter(Eft(path, tmp_path))).image == tmp_path / name.name
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).touch()
    assert next(iter(Eft(path, tmp_path))).image == tmp_path / name


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_items_are_those_of_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(json_items, "_CHARACTERS_AT_ONCE", chunk)
    items = [1, -2.5e3, 12345678, 'a "quoted" ] }', [1, [2, {"data": 3}]], {"x": None, "y": "é"}, True, []]
    for indent in (None, 2):
        text = json.dumps({"ver": 0.1, "other": {"data": [9]}, "data": items, "after": 1}, indent=indent)
        (tmp_path / "a.json").write_text(text, encoding="utf-8")
        assert list(json_items.json_items(tmp_path / "a.json", "data")) == items


def test_an_empty_array_has_no_items(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"data": []}')
    assert len(Eft(tmp_path / "a.json", tmp_path)) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "none of EFT's files"),
        ('{"ver": 1}', "no 'data'"),
        ('{"data": [1', "damaged or none"),
        ('{"data": [{"parm_pose": [', "damaged or none"),
    ],
)
def test_files_of_another_form_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(SourceError, match=message):
        Eft(tmp_path / "a.json", tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.json is missing"):
        Eft(tmp_path / "a.json", tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parm_pose": np.zeros((23, 3, 3)).tolist()}, "none of EFT's entries"),
        ({"smpltype": "smplx"}, "parameters of smplx"),
        ({"imageName": None}, "none of EFT's entries"),
        ({"parm_shape": None}, "none of EFT's entries"),
    ],
)
def test_entries_of_another_form_are_told_and_the_others_are_read(
    tmp_path: Path, arrays: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    path = write_eft(tmp_path / "a.json", arrays)
    content = json.loads(path.read_text())
    content["data"][0].update(changes)
    path.write_text(json.dumps(content))
    first, *others = Eft(path, tmp_path)
    assert isinstance(first, Unusable)
    assert message in first.why
    assert [isinstance(one, Person) for one in others] == [True] * (len(content["data"]) - 1)


def test_a_matrix_that_is_no_rotation_leaves_its_person_out(tmp_path: Path, arrays: dict[str, Any]) -> None:
    path = write_eft(tmp_path / "a.json", arrays)
    content = json.loads(path.read_text())
    content["data"][1]["parm_pose"][4] = np.diag([1.0, 1.0, -1.0]).tolist()
    path.write_text(json.dumps(content))
    people = list(Eft(path, tmp_path))
    assert [np.isfinite(person.pose).all() for person in people if person.pose is not None] == [True, False, True]
