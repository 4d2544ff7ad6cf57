"""The exported file computes what the model computes, alone, and says what it takes and gives."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from maflab.body.model import BodyModel
from maflab.export_onnx import export
from maflab.export_onnx.__main__ import main
from maflab.export_onnx.errors import ExportError
from maflab.export_onnx.export import export_model
from maflab.export_onnx.metadata import metadata
from maflab.export_onnx.path import OUTPUTS
from maflab.geometry.cameras import project
from maflab.losses import MeshRecoveryLoss
from maflab.metrics.estimates import IterationErrors
from maflab.models.maf import MAFLoop
from maflab.models.pyramid import FeaturePyramid
from maflab.models.recovery import MeshRecovery

onnx = pytest.importorskip("onnx", reason="the extra is not installed (pip install maflab[onnx])")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

SIZE = 64

# What someone does who has nothing but the file: no module of ours, no torch.
ALONE = """
import json, sys
sys.modules["maflab"] = sys.modules["torch"] = None
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
told = session.get_modelmeta().custom_metadata_map
how = json.loads(told["preprocessing"])
pictures = np.load(sys.argv[2])
assert pictures.shape[1:] == (how["size"], how["size"], 3)
crops = (pictures * np.float32(how["scale"]) - np.float32(how["mean"])) / np.float32(how["std"])
names = [output.name for output in session.get_outputs()]
values = session.run(None, {session.get_inputs()[0].name: crops.transpose(0, 3, 1, 2).astype(np.float32)})
np.savez(sys.argv[3], **dict(zip(names, values)))
"""


@pytest.fixture(scope="module")
def exported(model: MeshRecovery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("onnx") / "new folder" / "model.onnx"
    assert export_model(model, SIZE, output, checkpoint="best.ckpt", all_iterations=True, verify=True) == output
    return output


@pytest.mark.slow
def test_the_file_alone_gives_what_the_model_gives(exported: Path, model: MeshRecovery, tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), np.uint8)
    np.save(tmp_path / "pictures.npy", pictures)
    arguments = [str(exported), str(tmp_path / "pictures.npy"), str(tmp_path / "out.npz")]
    done = subprocess.run([sys.executable, "-I", "-c", ALONE, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    given = np.load(tmp_path / "out.npz")
    assert set(given.files) == set(OUTPUTS)

    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    crops = ((torch.from_numpy(pictures) / 255 - mean) / std).permute(0, 3, 1, 2)
    with torch.no_grad():
        estimates = model(crops).estimates
    assert len(estimates) == 3
    for t, estimate in enumerate(estimates):
        for name, value in estimate._asdict().items():
            np.testing.assert_allclose(given[name][:, t], value.numpy(), atol=1e-4, err_msg=f"{name} {t}")
    assert np.ptp(given["rotations"][:, -1], axis=0).max() > 0.01  # pictures differ, and so do their people
    assert np.ptp(given["camera"], axis=1).max() > 0.01  # and iterations


@pytest.mark.slow
def test_the_file_is_one_and_plain_onnx(exported: Path) -> None:
    assert [path.name for path in exported.parent.iterdir()] == ["model.onnx"]
    written = onnx.load(exported)
    onnx.checker.check_model(written, full_check=True)
    assert {node.domain for node in written.graph.node} == {""}
    assert [(entry.domain, entry.version) for entry in written.opset_import] == [("", 18)]
    assert len(written.functions) == 0
    assert not [node.name for node in written.graph.node if "maflab" in node.name or node.op_type == "Dropout"]
    (image,) = written.graph.input
    first, *others = image.type.tensor_type.shape.dim
    assert first.dim_param
    assert [d.dim_value for d in others] == [3, SIZE, SIZE]


@pytest.mark.slow
def test_metadata_explains_the_outputs(exported: Path, model: MeshRecovery) -> None:
    session = onnxruntime.InferenceSession(str(exported))
    told = session.get_modelmeta().custom_metadata_map
    assert told["checkpoint"] == "best.ckpt"
    assert told["body"] == "tiny"
    assert told["body_licence"] == model.body.licence
    assert json.loads(told["estimates"]) == 3
    shapes = {output.name: output.shape[1:] for output in session.get_outputs()}
    assert len(json.loads(told["joints"])) == shapes["rotations"][1] == 24
    assert len(json.loads(told["keypoints"])) == shapes["keypoints_3d"][1] == 49

    crops = torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    given = dict(zip(shapes, session.run(None, {"image": crops.numpy()}), strict=True))
    # The points are those vertices of the body that the metadata names.
    rotations, betas = (torch.from_numpy(given[name][:, -1]) for name in ("rotations", "betas"))
    vertices = model.body(rotations, betas).vertices[:, json.loads(told["point_vertices"])]
    np.testing.assert_allclose(given["points"][:, -1], vertices.numpy(), atol=1e-4)
    # And the camera is the one whose numbers it gives.
    camera = json.loads(told["camera_model"])
    s, tx, ty = given["camera"][:, -1].T
    place = given["keypoints_3d"][:, -1] + np.stack((tx, ty, 2 * camera["f"] / (camera["c"] * s)), axis=-1)[:, None]
    pixels = camera["f"] * place[..., :2] / place[..., 2:] / (camera["c"] / 2)
    np.testing.assert_allclose(given["keypoints_2d"][:, -1], pixels, atol=1e-4)
    keypoints = torch.from_numpy(given["keypoints_3d"][:, -1])
    np.testing.assert_allclose(project(keypoints, torch.from_numpy(given["camera"][:, -1])), pixels, atol=1e-4)


def test_points_that_are_sums_of_vertices_are_told_as_such(tiny_body: BodyModel) -> None:
    """As in an imported checkpoint, whose coarse mesh has vertices between those of the body."""
    torch.manual_seed(0)
    pyramid = FeaturePyramid("test_resnet", levels=1, channels=8, weights="none")
    sizes = dict(levels=1, iterations=1, points=6, grid=4, reduction=(8, 5), hidden=32, stored_points=3)
    maf = MAFLoop(tiny_body, 8, pyramid.global_channels, **sizes)
    sums = np.zeros((6, tiny_body.num_vertices))
    sums[np.arange(6), 10 * np.arange(6)] = 1
    sums[2, [3, 20, 40]] = 0.25, 0.5, 0.25
    maf.folded.take_points(csr_matrix(sums))
    model = MeshRecovery(pyramid, maf, None, tiny_body, MeshRecoveryLoss(), IterationErrors(tiny_body, 1)).eval()
    told = metadata(model, SIZE, "", all_iterations=False)
    with torch.no_grad():
        estimate = model(torch.randn(2, 3, SIZE, SIZE)).estimates[-1]
        vertices = tiny_body(estimate.rotations, estimate.betas).vertices.numpy()
    named = zip(json.loads(told["point_vertices"]), json.loads(told["point_weights"]), strict=True)
    points = [np.einsum("bkc,k->bc", vertices[:, which], weights) for which, weights in named]
    np.testing.assert_allclose(np.stack(points, 1), estimate.points.numpy(), atol=1e-5)


@pytest.mark.slow
def test_a_file_that_does_not_agree_is_not_kept(
    exported: Path, model: MeshRecovery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OtherWeights:
        """A program that writes the file of a model whose last camera is 1% off."""

        model = SimpleNamespace(metadata_props={})

        def save(self, path: Path, external_data: bool) -> None:
            written = onnx.load(exported)
            (weight,) = (w for w in written.graph.initializer if w.name == "maf.regressors.1.camera.weight")
            weight.CopyFrom(onnx.numpy_helper.from_array(1.01 * onnx.numpy_helper.to_array(weight), weight.name))
            onnx.save(written, path)

    output = tmp_path / "model.onnx"
    output.write_bytes(b"what was there before")
    monkeypatch.setattr(export, "_traced", lambda *_: OtherWeights())
    with pytest.raises(ExportError, match="the output camera of onnxruntime is"):
        export_model(model, SIZE, output, all_iterations=True, verify=True)
    assert output.read_bytes() == b"what was there before"
    assert list(tmp_path.iterdir()) == [output]


def test_smpl_is_announced_as_licensed(
    model: MeshRecovery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(model.body, "name", "smpl")
    monkeypatch.setattr(model.body, "licence", "SMPL model licence (non-commercial)")
    monkeypatch.setattr(export, "_traced", lambda *_: pytest.fail("stop here"))
    with pytest.raises(pytest.fail.Exception):
        export_model(model, SIZE, tmp_path / "model.onnx")
    assert "arrays of the smpl body" in caplog.text
    assert "non-commercial" in caplog.text


@pytest.mark.parametrize(
    ("settings", "message"), [({"opset": 12}, "take 18 or a later one"), ({"batch": 0}, "positive number")]
)
def test_settings_that_cannot_be_had(
    model: MeshRecovery, tmp_path: Path, settings: dict[str, int], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        export_model(model, SIZE, tmp_path / "model.onnx", **settings)  # type: ignore[arg-type]


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None)
    assert main(["some.ckpt", "--output", "model.onnx", "--verify"]) == 1
    message = capsys.readouterr().err
    assert "onnx, onnxscript and onnxruntime" in message
    assert "pip install 'maflab[onnx]'" in message


@pytest.mark.parametrize("batch", ["0", "-1", "many"])
def test_the_command_refuses_a_batch(batch: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["some.ckpt", "--output", "model.onnx", f"--batch={batch}"])
    assert "neither a positive number nor dynamic" in capsys.readouterr().err


def test_the_command_says_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "absent.ckpt"), "--output", str(tmp_path / "model.onnx")]) == 1
    message = capsys.readouterr().err
    assert message.startswith("maflab: There is no checkpoint")
    assert message.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
