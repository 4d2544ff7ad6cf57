"""`evaluate.py data=SET` from a pack in its true form to a number, each held against one computed plainly here."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from protocol_packs import joint_labels, mesh_labels, person, write_pack
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.spatial.transform import Rotation
from smplx.lbs import lbs
from torch.utils.data import default_collate

from maflab.data.dataset import PackDataset
from maflab.structures import Estimate

from .protocol_bench import Bench, run

pytestmark = pytest.mark.usefixtures("one_network")

COUNT = 8
FOURTEEN = [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10]  # H36M_TO_J14
SEVENTEEN = [*FOURTEEN, 0, 7, 9]  # H36M_TO_J17
LABELS17 = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 18, 14, 16, 17]  # J24_TO_J17
COCO17 = [19, 20, 21, 22, 23, 9, 8, 10, 7, 11, 6, 3, 2, 4, 1, 5, 0]  # J24_TO_COCO
GENDERS = {-1: "neutral", 0: "male", 1: "female"}


def final_estimate(bench: Bench, pack: Path) -> Estimate:
    dataset = PackDataset(pack, 64)
    batch = default_collate([dataset[i] for i in range(len(dataset))])
    with torch.no_grad():
        return bench.model(batch.image).estimates[-1]


def skinned(content: dict[str, Any], rotations: torch.Tensor, betas: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and joints by the smplx package."""
    parents = torch.from_numpy(content["kintree_table"][0].astype(np.int64))
    parents[0] = -1
    arrays = [content["v_template"].x, content["shapedirs"].x, content["posedirs"].reshape(-1, 207).T]
    arrays += [content["J_regressor"].toarray(), content["weights"].x]
    template, shapes, poses, regressor, weights = (torch.from_numpy(np.asarray(a, np.float32)) for a in arrays)
    out = lbs(betas, rotations, template[None], shapes, poses, regressor, parents, weights, pose2rot=False)
    return out[0].double().numpy(), out[1].double().numpy()


def labelled_meshes(bench: Bench, people: list[dict[str, Any]], gendered: bool) -> tuple[np.ndarray, np.ndarray]:
    meshes = []
    for one in people:
        turns = Rotation.from_rotvec(np.float32(one["pose"]).reshape(24, 3)).as_matrix()
        body = bench.bodies[GENDERS[one["gender"]] if gendered else "neutral"]
        meshes.append(
            skinned(body, torch.from_numpy(turns[None]).float(), torch.from_numpy(np.float32(one["betas"])[None]))
        )
    vertices, joints = zip(*meshes, strict=True)
    return np.concatenate(vertices), np.concatenate(joints)


def after_similarity(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Distances (J,) after Procrustes, by SciPy's rotation and a least-squares scale."""
    points, target = points - points.mean(0), target - target.mean(0)
    turned = Rotation.align_vectors(target, points)[0].apply(points)
    scale = (turned * target).sum() / (turned * turned).sum()
    return np.linalg.norm(scale * turned - target, axis=-1)


def errors(joints: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """MPJPE and PA-MPJPE in mm of joints whose roots are at the origin."""
    aligned = [after_similarity(*pair).mean() for pair in zip(joints, target, strict=True)]
    return 1000 * np.linalg.norm(joints - target, axis=-1).mean(), 1000 * float(np.mean(aligned))


def off(points: np.ndarray, target: np.ndarray) -> float:
    return 1000 * float(np.linalg.norm(points - target, axis=-1).mean())


def test_threedpw(bench: Bench, tmp_path: Path) -> None:
    people = [person(i, **mesh_labels(i)) for i in range(COUNT)]
    pack = write_pack(bench.data / "packs/threedpw/test.h5", people)
    result = run(bench, tmp_path, "data=threedpw")
    estimate = final_estimate(bench, pack)
    vertices, _ = skinned(bench.bodies["neutral"], estimate.rotations, estimate.betas)
    truth, _ = labelled_meshes(bench, people, gendered=True)
    # The stand-in's regressor takes vertex j as joint j.
    joints, true_joints = vertices[:, :17] - vertices[:, :1], truth[:, :17] - truth[:, :1]
    expected = errors(joints[:, FOURTEEN], true_joints[:, FOURTEEN])
    row = result["metrics"]["iter2"]
    assert (row["mpjpe"], row["pa_mpjpe"]) == pytest.approx(expected, rel=1e-4)
    assert row["pve"] == pytest.approx(off(vertices - vertices[:, :1], truth - truth[:, :1]), rel=1e-4)
    assert row["pve_unaligned"] == pytest.approx(off(vertices, truth), rel=1e-4)
    neutral, _ = labelled_meshes(bench, people, gendered=False)
    changed = run(bench, tmp_path / "neutral", "data=threedpw", "data.protocol.gendered=false")
    assert changed["metrics"]["iter2"]["pve_unaligned"] == pytest.approx(off(vertices, neutral), rel=1e-4)
    assert changed["metrics"]["iter2"]["pve_unaligned"] != pytest.approx(row["pve_unaligned"], rel=1e-3)
    assert "published" not in changed
    assert changed["protocol"]["protocol"] == "3DPW (changed)"


def test_threedpw_is_broken_down_and_stands_beside_papers(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")  # under pytest-xdist a console is narrow and would break the names
    write_pack(bench.data / "packs/threedpw/test.h5", [person(i, **mesh_labels(i)) for i in range(COUNT)])
    result = run(bench, tmp_path, "data=threedpw")
    samples = np.load(tmp_path / "samples.npz")
    parts = json.loads((tmp_path / "breakdown.json").read_text())
    assert list(parts["sequences"]) == ["walk_0", "walk_1", "walk_2"]
    assert parts["sequences"]["walk_1"]["samples"] == 3
    assert parts["sequences"]["walk_1"]["mpjpe"] == pytest.approx(samples["mpjpe"][2, 3:6].mean(), rel=1e-5)
    each = [line["mpjpe"] for line in parts["joints"].values()]
    assert np.mean(each) == pytest.approx(result["metrics"]["iter2"]["mpjpe"], rel=1e-5)
    assert list(parts["joints"])[:2] == ["RAnkle", "RKnee"]
    with (tmp_path / "breakdown.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["kind"] for row in rows] == ["sequence"] * 3 + ["joint"] * 14
    assert float(rows[1]["pve"]) == pytest.approx(samples["pve"][2, 3:6].mean(), rel=1e-4)
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["published"]["PyMAF"] == {"mpjpe": 92.8, "pa_mpjpe": 58.9, "pve_unaligned": 110.1}
    assert set(written["metrics"]) == {"iter0", "iter1", "iter2"}  # ours alone
    assert "8 people" in written["notes"]["people"]
    said = capsys.readouterr().out
    for part in ("PyMAF (published)", "PARE 97.9", "what these figures depend on", "3 male, 2 female, 3 neutral"):
        assert part in said
    card = written["protocol"]
    assert (card["root"], card["measured"], card["published for"]) == ("Human3.6M pelvis", 8, "35515 people")


def test_human36m(bench: Bench, tmp_path: Path) -> None:
    people = [person(i, **joint_labels(i)) for i in range(COUNT)]
    pack = write_pack(bench.data / "packs/h36m_p2/test.h5", people)
    result = run(bench, tmp_path, "data=h36m_p2")
    estimate = final_estimate(bench, pack)
    vertices, _ = skinned(bench.bodies["neutral"], estimate.rotations, estimate.betas)
    truth = np.stack([one["joints_3d"][:, :3] for one in people])
    truth = (truth - truth[:, 14:15])[:, LABELS17[:14]]  # J24_TO_J14, about MPII's pelvis
    joints = (vertices[:, :17] - vertices[:, :1])[:, FOURTEEN]
    row = result["metrics"]["iter2"]
    assert list(row) == ["mpjpe", "pa_mpjpe"]
    assert tuple(row.values()) == pytest.approx(errors(joints, truth), rel=1e-4)
    assert result["published"]["SPIN, protocol not named"] == {"mpjpe": 62.5, "pa_mpjpe": 41.1}


def test_human36m_with_mosh_has_vertex_errors(bench: Bench, tmp_path: Path) -> None:
    people = [person(i, **joint_labels(i), **(mesh_labels(i) if i < 5 else {})) for i in range(COUNT)]
    pack = write_pack(bench.data / "packs/h36m_mosh/test.h5", people)
    result = run(bench, tmp_path, "data=h36m_mosh")
    estimate = final_estimate(bench, pack)
    vertices, _ = skinned(bench.bodies["neutral"], estimate.rotations, estimate.betas)
    truth, _ = labelled_meshes(bench, people[:5], gendered=False)
    row = result["metrics"]["iter2"]
    assert row["pve_unaligned"] == pytest.approx(off(vertices[:5], truth), rel=1e-4)
    assert row["pve"] == pytest.approx(off(vertices[:5] - vertices[:5, :1], truth - truth[:, :1]), rel=1e-4)
    assert (result["protocol"]["measured"], result["protocol"]["measured meshes"]) == (8, 5)


def test_mpi_inf_3dhp(bench: Bench, tmp_path: Path) -> None:
    people = [person(i, **joint_labels(i, far=0.05)) for i in range(COUNT)]
    pack = write_pack(bench.data / "packs/mpi_inf_3dhp/test.h5", people)
    result = run(bench, tmp_path, "data=mpi_inf_3dhp")
    estimate = final_estimate(bench, pack)
    vertices, _ = skinned(bench.bodies["neutral"], estimate.rotations, estimate.betas)
    joints = (vertices[:, :17] - vertices[:, :1])[:, SEVENTEEN]
    truth = np.stack([one["joints_3d"][:, :3] for one in people])
    truth = (truth - truth[:, 14:15])[:, LABELS17]
    row = result["metrics"]["iter2"]
    assert (row["mpjpe"], row["pa_mpjpe"]) == pytest.approx(errors(joints, truth), rel=1e-4)
    far = 1000 * np.linalg.norm(joints - truth, axis=-1)
    assert 0 < (far < 150).sum() < far.size
    assert row["pck_150"] == pytest.approx(100 * (far < 150).sum() / far.size)
    assert row["auc"] == pytest.approx(np.mean([100 * (far < t).mean() for t in np.linspace(0, 150, 31)]))
    parts = json.loads((tmp_path / "breakdown.json").read_text())
    assert parts["joints"]["Head"]["pck_150"] == pytest.approx(100 * (far[:, 13] < 150).mean())


@pytest.mark.parametrize("data", ["emdb", "agora"])
def test_emdb_and_agora(bench: Bench, tmp_path: Path, data: str) -> None:
    """24 joints of SMPL's own, about the middle of the hips; EMDB's labels are gendered, AGORA's fits are neutral."""
    people = [person(i, **mesh_labels(i)) for i in range(COUNT)]
    split = "test" if data == "emdb" else "val"
    pack = write_pack(bench.data / f"packs/{data}/{split}.h5", people)
    row = run(bench, tmp_path, f"data={data}")["metrics"]["iter2"]
    estimate = final_estimate(bench, pack)
    vertices, joints = skinned(bench.bodies["neutral"], estimate.rotations, estimate.betas)
    truth, true_joints = labelled_meshes(bench, people, gendered=data == "emdb")
    root, true_root = ((j[:, 1:2] + j[:, 2:3]) / 2 for j in (joints, true_joints))
    expected = errors(joints - root, true_joints - true_root)
    assert (row["mpjpe"], row["pa_mpjpe"]) == pytest.approx(expected, rel=1e-4)
    assert row["mve"] == pytest.approx(off(vertices - root, truth - true_root), rel=1e-4)
    assert list(row) == ["mpjpe", "pa_mpjpe", "mve"]


def test_coco(bench: Bench, tmp_path: Path) -> None:
    """Labels around what the model says: the closer to it, the higher their OKS."""
    crops = [(100.0 + 7 * i, 40.0 + i, 0.25 + 0.05 * i) for i in range(COUNT)]
    images = [10, 10, 11, 12, 12, 13, 14, 14]
    people = [person(i, source_crop=crops[i], image_id=images[i], annotation=900 + i) for i in range(COUNT)]
    pack = write_pack(bench.data / "packs/coco/val.h5", people)
    estimate = final_estimate(bench, pack)
    crop_points = estimate.keypoints_2d[:, 25:].numpy()[:, COCO17].astype(np.float64)
    found, labels = [], []
    for i, one in enumerate(people):
        x0, y0, scale = np.float32(crops[i]).astype(np.float64)
        stored = np.array(one["center"]) + one["size"] / 2 * crop_points[i]  # the box spans -1 to 1
        source = stored / scale + (x0, y0)
        found.append({"image_id": images[i], "category_id": 1, "score": 1, "keypoints": _triples(source, 1)})
        noise = np.random.default_rng(i).normal(size=(17, 2)) * 6 * i
        box = [*source.min(0), *np.ptp(source, axis=0)]
        label = {"id": 900 + i, "image_id": images[i], "category_id": 1, "iscrowd": 0, "num_keypoints": 17}
        labels.append(label | {"keypoints": _triples(source + noise, 2), "bbox": box, "area": 9000.0 + 1000 * i})
    content = {"images": [{"id": number} for number in (*dict.fromkeys(images), 77)], "annotations": labels}
    content["annotations"].append(labels[0] | {"id": 999, "image_id": 77})  # of a picture that is not in the pack
    content["categories"] = [{"id": 1, "name": "person"}]
    file = bench.data / "raw/coco/annotations/person_keypoints_val2014.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(content))
    result = run(bench, tmp_path, "data=coco")
    row = result["metrics"]["iter2"]

    truth = COCO(str(file))
    judge = COCOeval(truth, truth.loadRes(found), "keypoints")
    judge.params.imgIds = sorted(set(images))
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    names = ("ap", "ap_50", "ap_75", "ap_m", "ap_l", "ar")
    assert 5 < row["ap"] < 95
    assert [row[name] for name in names] == pytest.approx([100 * value for value in judge.stats[:6]], abs=1e-6)
    assert result["metrics"]["iter0"]["ap"] != row["ap"]
    assert result["protocol"]["annotations"] == "person_keypoints_val2014.json, 9 people with key points"


def _triples(points: np.ndarray, flag: int) -> list[float]:
    return np.concatenate((points, np.full((17, 1), flag)), axis=1).flatten().tolist()


def test_batches_change_nothing(bench: Bench, tmp_path: Path) -> None:
    write_pack(bench.data / "packs/threedpw/test.h5", [person(i, **mesh_labels(i)) for i in range(COUNT)])
    one = run(bench, tmp_path / "one", "data=threedpw", "data.eval_batch_size=1", "data.workers=0")
    many = run(bench, tmp_path / "many", "data=threedpw", "data.eval_batch_size=3", "data.workers=0")
    assert_same_figures(tmp_path / "one", tmp_path / "many")
    assert one["protocol"] == many["protocol"]


def assert_same_figures(one: Path, other: Path) -> None:
    """Equal to the rounding of float32."""
    rows, others = (json.loads((folder / "metrics.json").read_text())["metrics"] for folder in (one, other))
    assert rows.keys() == others.keys()
    for row, values in rows.items():
        assert others[row] == pytest.approx(values, rel=1e-5)
    parts, others = (json.loads((folder / "breakdown.json").read_text()) for folder in (one, other))
    for part in ("sequences", "joints"):
        assert list(parts[part]) == list(others[part])
        for name, line in parts[part].items():
            assert others[part][name] == pytest.approx(line, rel=1e-5)


def test_pictures_are_cut_as_the_network_was_trained(bench: Bench, tmp_path: Path) -> None:
    write_pack(bench.data / "packs/h36m_p2/test.h5", [person(i, **joint_labels(i)) for i in range(COUNT)])
    result = run(bench, tmp_path, "data=h36m_p2", "data.limit_test=2")
    assert (result["protocol"]["resolution"], result["protocol"]["samples"]) == (64, 2)
    other = run(bench, tmp_path, "data=h36m_p2", "data.limit_test=2", "data.resolution=96")
    assert other["protocol"]["resolution"] == 96
