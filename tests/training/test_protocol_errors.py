"""Data, bodies and settings that a protocol cannot be followed with: one sentence each."""

from pathlib import Path

import pytest
from protocol_packs import joint_labels, mesh_labels, person, write_pack

from maflab.body.arrays import BodyFileError
from maflab.body.gendered import GenderedBodies
from maflab.body.model import BodyModel
from maflab.data.pack_format import PackError
from maflab.training.errors import OverrideError

from .protocol_bench import Bench, run

pytestmark = pytest.mark.usefixtures("one_network")

LACKING = {
    "threedpw": (joint_labels, "threedpw/test.h5 cannot be measured by the protocol 3DPW: nobody in it has pose and"),
    "h36m_p1": (mesh_labels, "Human3.6M protocol 1: nobody in it has labels of all 14 joints and the pelvis in 3D"),
    "mpi_inf_3dhp": (mesh_labels, "MPI-INF-3DHP: nobody in it has labels of all 17 joints"),
    "coco": (mesh_labels, "COCO: nobody in it has an image number"),
}


@pytest.mark.parametrize("data", LACKING)
def test_labels_that_are_lacking_are_named(bench: Bench, tmp_path: Path, data: str) -> None:
    labels, said = LACKING[data]
    pack = bench.data / f"packs/{data}/{'val' if data == 'coco' else 'test'}.h5"
    write_pack(pack, [person(i, **labels(i)) for i in range(2)])
    with pytest.raises(PackError, match=said):
        run(bench, tmp_path, f"data={data}")


def test_a_missing_pack_leads_to_its_command(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"no pack nowhere\.h5; made by `python prepare.py source=threedpw`"):
        run(bench, tmp_path, "data=threedpw", "data.test=nowhere.h5")


def test_an_empty_pack_is_told(bench: Bench, tmp_path: Path) -> None:
    write_pack(bench.data / "packs/emdb/test.h5", [])
    with pytest.raises(PackError, match=r"emdb/test\.h5 gives no samples"):
        run(bench, tmp_path, "data=emdb")


def test_what_cannot_be_compared_is_refused(bench: Bench, tmp_path: Path) -> None:
    pack = bench.data / "packs/threedpw/test.h5"
    write_pack(pack, [person(i, **mesh_labels(i)) for i in range(2)], body="anny")
    with pytest.raises(PackError, match=r"labels of .* are of body=anny, and the model's is body=smpl"):
        run(bench, tmp_path, "data=threedpw")
    write_pack(pack, [person(i, **mesh_labels(i) | {"gender": -1}) for i in range(2)])
    with pytest.raises(PackError, match="does not say who is male and female"):
        run(bench, tmp_path, "data=threedpw")
    coco = [person(i, image_id=i - 1, source_crop=(0, 0, 1)) for i in range(2)]
    write_pack(bench.data / "packs/coco/val.h5", coco)
    with pytest.raises(PackError, match="1 of 2 people have no image number"):
        run(bench, tmp_path, "data=coco")
    write_pack(bench.data / "packs/coco/val.h5", coco[1:])
    with pytest.raises(PackError, match=r"judged by nowhere\.json, which is missing: unpack annotations_trainval2014"):
        run(bench, tmp_path, "data=coco", "data.protocol.annotations=nowhere.json")


def test_gendered_labels_need_gendered_bodies(bench: Bench, tmp_path: Path, tiny_body: BodyModel) -> None:
    write_pack(bench.data / "packs/threedpw/test.h5", [person(0, **mesh_labels(0))])
    (bench.data / "body/smpl/SMPL_MALE.pkl").rename(bench.data / "body/smpl/away.pkl")
    try:
        with pytest.raises(BodyFileError, match=r"SMPL \(male\) is not in"):
            run(bench, tmp_path, "data=threedpw")
    finally:
        (bench.data / "body/smpl/away.pkl").rename(bench.data / "body/smpl/SMPL_MALE.pkl")
    with pytest.raises(BodyFileError, match=r"body=tiny has only a neutral one; .*data\.protocol\.gendered=false"):
        GenderedBodies(tiny_body, lambda gender: bench.model.body)


def test_settings_that_a_protocol_has_not_are_refused(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(OverrideError, match=r"data: .*no protocol '3dpw'; choose from threedpw"):
        run(bench, tmp_path, "data=threedpw", "data.protocol.name=3dpw")
    with pytest.raises(OverrideError, match=r"gendered changes nothing: Human3\.6M protocol 2"):
        run(bench, tmp_path, "data=h36m_p2", "+data.protocol.gendered=true")
    with pytest.raises(OverrideError, match="the file that COCO's key points are judged by"):
        run(bench, tmp_path, "data=emdb", "+data.protocol.annotations=x.json")
