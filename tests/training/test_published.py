"""PyMAF's released checkpoint: every tensor finds its place, and the network computes what the released one does."""

import itertools
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from scipy.sparse import csr_matrix
from smpl_standin import VERTICES
from torch import Tensor

from maflab.data.dataset import PackDataset
from maflab.data.pack import PackWriter
from maflab.inference.estimating import Estimator
from maflab.inference.lifting import lift
from maflab.training.errors import CheckpointError
from maflab.training.evaluation import evaluate
from maflab.training.published import import_published
from maflab.training.published.layout import coarsening, from_released, released_names, to_released

from .conftest import compose_config
from .pymaf_restated import Seen
from .released_bench import Released

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_network_computes_what_the_released_one_does(released: Released) -> None:
    image = torch.randn(2, 3, 224, 224)
    expected, head = released.network(image)
    with torch.inference_mode():
        found = released.model(image, with_auxiliary=True)
    assert len(found.estimates) == len(expected) == 4
    for theirs, ours in zip(expected, found.estimates, strict=True):
        torch.testing.assert_close(ours.keypoints_3d, theirs.joints, atol=1e-4, rtol=0)
        torch.testing.assert_close(ours.rotations, theirs.rotations, atol=1e-4, rtol=0)
        torch.testing.assert_close(ours.betas, theirs.betas, atol=1e-4, rtol=0)
        torch.testing.assert_close(ours.camera, theirs.camera, atol=1e-4, rtol=0)
    named = zip(found.auxiliary[:4], ("uv_index", "u", "v", "ann_index"), strict=True)
    for ours, name in named:
        torch.testing.assert_close(ours, head[f"predict_{name}"], atol=1e-3, rtol=0)
    # Every iteration and every picture matters, or agreement would mean little.
    for before, after in itertools.pairwise(expected):
        assert distance(before, after) > 0.02
        assert (after.joints[0] - after.joints[1]).norm(dim=-1).mean() > 0.01


def distance(one: Seen, other: Seen) -> float:
    return float((one.joints - other.joints).norm(dim=-1).mean())


@pytest.mark.slow
def test_people_stand_where_the_released_network_saw_them(released: Released) -> None:
    """The demo's way from crops to a frame, for people at its edges: their 2D joints, and how they are turned.

    The released network sees a crop and nothing of where it was cut, so its root rotation is the one seen along the ray
    through the crop: looked at along that ray, a lifted body is turned as the network said.
    """
    images, focal, centre = torch.randn(2, 3, 224, 224), 700.0, torch.tensor([319.5, 179.5])
    crops = torch.tensor([[90.0, 200.0, 260.0], [560.0, 150.0, 180.0]])
    seen = released.network(images)[0][-1]
    # The stand-in's camera is no person's: a usual one, since only conventions are at stake.
    camera = torch.tensor([[0.9, 0.05, -0.1], [0.8, -0.1, 0.2]])
    found = Estimator(released.model, 224)(images)
    rotations, betas = torch.from_numpy(found.rotations[:, -1]), torch.from_numpy(found.betas[:, -1])
    torch.testing.assert_close(rotations, seen.rotations, atol=1e-4, rtol=0)
    lifted = lift(released.model.body, rotations, betas, camera, crops, torch.full((2,), focal), centre.expand(2, 2))

    depth = seen.joints[..., 2] + 2 * 5000.0 / (224.0 * camera[:, :1])
    in_crop = 5000.0 * (seen.joints[..., :2] + camera[:, None, 1:]) / depth[..., None] / 112.0
    wanted = crops[:, None, :2] + in_crop * crops[:, None, 2:] / 2
    body = released.model.body(lifted.rotations, betas)
    points = released.model.body.keypoints(body) + lifted.translation[:, None]
    pixels = focal * points[..., :2] / points[..., 2:] + centre
    sizes = np.ptp(wanted.numpy(), axis=1).max(-1)
    assert (np.linalg.norm(pixels - wanted, axis=-1).mean(1) / sizes).max() < 0.03
    for person in range(2):
        ray = np.array([*(wanted[person, :].mean(0) - centre) / focal, 1.0])
        turn = (lifted.rotations[person, 0] @ rotations[person, 0].mT).numpy()
        along = turn @ [0, 0, 1]
        angle = np.rad2deg(np.arccos(along @ ray / np.linalg.norm(ray)))
        assert angle < 3, "the axis that the crop's camera looked along has become the ray"
        assert np.rad2deg(np.arccos(along[2])) > 10, "which is far from the frame's own"


@pytest.mark.slow
def test_the_checkpoint_carries_nothing_of_smpl(released: Released) -> None:
    content = torch.load(released.checkpoint, weights_only=True)
    assert content["maflab"]["config"]["body"]["name"] == "smpl"
    shapes = [tuple(value.shape) for value in content["state_dict"].values()]
    assert not [shape for shape in shapes if VERTICES in shape]
    assert not [name for name in content["state_dict"] if "smpl" in name or name.startswith("body")]
    assert not [name for name in released.exported if ".smpl." in name]


@pytest.mark.slow
def test_exporting_gives_the_released_tensors_back(released: Released) -> None:
    expected = {name: tensor for name, tensor in released.tensors.items() if ".smpl." not in name}
    assert released.exported.keys() == expected.keys()
    for name, tensor in expected.items():
        assert released.exported[name].dtype == tensor.dtype, name
        assert torch.equal(released.exported[name], tensor), name


@pytest.mark.slow
def test_its_figures_are_those_of_the_released_network(released: Released, tmp_path: Path) -> None:
    """MPJPE of each iteration on two pictures, once by evaluate.py and once by hand."""
    pack = write_pack(tmp_path / "test.h5")
    packs = [f"data.{split}={pack}" for split in ("train", "val", "test")]
    given = [f"checkpoint={released.checkpoint}", "data=paper", "data.prepare=null", "callbacks.panel=null", *packs]
    given.append("trainer.precision=32-true")  # half precision would move bodies by millimetres
    paths = [f"paths.data={released.data}", f"paths.output={tmp_path}"]
    metrics = evaluate(compose_config("evaluate", *given, *paths))["metrics"]

    dataset = PackDataset(pack, 224)
    seen, _ = released.network(torch.stack([dataset[0].image, dataset[1].image]))
    smpl = released.network.regressor[0].smpl
    truth = smpl(betas=torch.zeros(1, 10), body_pose=torch.zeros(1, 69), global_orient=torch.zeros(1, 3))
    for row, estimate in zip(metrics.values(), seen, strict=True):
        errors = (lsp14(estimate.vertices) - lsp14(truth.vertices)).norm(dim=-1)
        assert row["mpjpe"] == pytest.approx(1e3 * float(errors.mean()), abs=0.1)  # 1e-4 m


def lsp14(vertices: Tensor) -> Tensor:
    """(B, 14, 3) Human3.6M's joints about their pelvis: SPIN's H36M_TO_J14. The stand-in's joint k is vertex k."""
    chosen = vertices[:, [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10]]
    return chosen - vertices[:, :1]


def write_pack(path: Path) -> Path:
    """Noise, pixel by pixel: the statistics of the stand-in's features are those of noise too."""
    attributes = dict(name="two", split="test", licence="CC0", source="drawn", body="smpl", recipe={})
    with PackWriter(path, **attributes) as writer:
        for picture in np.random.default_rng(0).normal(116, 58, (2, 224, 224, 3)).clip(0, 255).astype(np.uint8):
            jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
            writer.append(jpeg=jpeg, center=(111.5, 111.5), size=223.0, has_pose=True, has_betas=True)
    return path


def small() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A few released tensors, and the state they make up."""
    released = {
        "points_grid": torch.zeros(1, 2, 4),
        "feature_extractor.bn1.num_batches_tracked": torch.tensor(3),
        "deconv_layers.6.weight": torch.randn(4, 5, 4, 4),
        "deconv_layers.7.bias": torch.randn(5),
        "maf_extractor.1.conv2.bias": torch.randn(5),
        "regressor.2.fc2.weight": torch.randn(6, 6),
        "regressor.0.init_shape": torch.randn(1, 10),
        "regressor.0.smpl.v_template": torch.zeros(9, 3),
        **{f"dp_head.predict_{name}.bias": torch.randn(25) for name in ("u", "v", "uv_index")},
        "dp_head.predict_ann_index.bias": torch.randn(15),
    }
    own = {
        "pyramid.backbone.bn1.num_batches_tracked": torch.tensor(0),
        "pyramid.stages.2.upsample.weight": torch.zeros(4, 5, 4, 4),
        "pyramid.stages.2.norm.bias": torch.zeros(5),
        "maf.reductions.1.layers.2.bias": torch.zeros(5),
        "maf.regressors.2.trunk.3.weight": torch.zeros(6, 6),
        "maf.mean_betas": torch.zeros(10),
        "aux_head.predict.bias": torch.zeros(90),
    }
    return released, own


def test_tensors_are_found_by_name() -> None:
    released, own = small()
    state = from_released(released, own)
    assert torch.equal(state["pyramid.stages.2.norm.bias"], released["deconv_layers.7.bias"])
    assert torch.equal(state["maf.mean_betas"], released["regressor.0.init_shape"][0])
    part, u, v, annotation = state["aux_head.predict.bias"].split((25, 25, 25, 15))
    assert torch.equal(part, released["dp_head.predict_uv_index.bias"])
    assert torch.equal(u, released["dp_head.predict_u.bias"])
    assert torch.equal(v, released["dp_head.predict_v.bias"])
    assert torch.equal(annotation, released["dp_head.predict_ann_index.bias"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"deconv_layers.7.bias": None}, r"it lacks deconv_layers\.7\.bias"),
        ({"deconv_layers.9.weight": torch.zeros(1)}, r"deconv_layers\.9\.weight has no place"),
        ({"regressor.2.fc2.weight": torch.zeros(6, 7)}, r"regressor\.2\.fc2\.weight give \(6, 7\), not \(6, 6\)"),
        ({"dp_head.predict_v.bias": None}, r"it lacks dp_head\.predict_v\.bias"),
        ({"feature_extractor.deconv_layers.0.weight": torch.zeros(1)}, "has no place"),
    ],
)
def test_a_tensor_out_of_place_is_named(change: dict[str, Tensor | None], said: str) -> None:
    released, own = small()
    released = {name: tensor for name, tensor in (released | change).items() if tensor is not None}
    with pytest.raises(CheckpointError, match=said):
        from_released(released, own)


def test_points_must_be_the_same_at_every_iteration() -> None:
    same = {f"maf_extractor.{k}.Dmap": torch.eye(3, 7) for k in range(3)}
    assert abs(coarsening(same) - csr_matrix(np.eye(3, 7))).nnz == 0
    with pytest.raises(CheckpointError, match="different points"):
        coarsening(same | {"maf_extractor.2.Dmap": torch.zeros(3, 7)})
    with pytest.raises(CheckpointError, match=r"lack maf_extractor\.0\.Dmap"):
        coarsening({})


def test_what_the_layout_has_no_place_for_is_not_exported() -> None:
    assert released_names("pyramid.stages.1.skip.weight") == []
    with pytest.raises(CheckpointError, match=r"no place for pyramid\.stages\.1\.skip\.weight"):
        to_released({"pyramid.stages.1.skip.weight": torch.zeros(1)}, csr_matrix((1, 1)), torch.zeros(4, 2))


class Command:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch owned",)


def test_files_that_are_not_it_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"model": {"a": Command()}}, tmp_path / "bad.pt")
    torch.save({"state_dict": {}}, tmp_path / "other.pt")
    (tmp_path / "half.pt").write_bytes((tmp_path / "other.pt").read_bytes()[:300])
    for name, said in (
        ("bad.pt", r"bad\.pt was not loaded: it asks for \w+\.system"),
        ("half.pt", r"half\.pt was not loaded: it is damaged"),
        ("other.pt", "has no tensors under 'model'"),
        ("none.pt", r"There is no .*none\.pt; PyMAF_model_checkpoint\.pt comes with"),
    ):
        with pytest.raises(CheckpointError, match=said):
            import_published(tmp_path / name, tmp_path / "out.ckpt", OmegaConf.create())
    assert not (tmp_path / "owned").exists()
    assert not (tmp_path / "out.ckpt").exists()
