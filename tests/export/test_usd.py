"""USD: the library's own skeleton and skinning queries give our joints and vertices at every frame."""

import sys
from pathlib import Path

import numpy as np
import pytest

from maflab.body.joints import SMPL24
from maflab.body.model import BodyModel
from maflab.export.errors import ExportError
from maflab.export.usd import write_usd
from maflab.inference.recording import Recording

from .clips import FRAMES, clip, in_scene, pixels

pxr = pytest.importorskip("pxr", reason="usd-core is not installed")
from pxr import Gf, Usd, UsdGeom, UsdSkel, UsdValidation  # noqa: E402

KINDS = {"steady": clip(), "variable rate in a world": clip(path=True, variable=True, shape_noise=0.3)}
MILLIMETRE = 0.001


def codes_of(stage: Usd.Stage, recording: Recording) -> np.ndarray:
    return recording.times * stage.GetTimeCodesPerSecond()


@pytest.mark.parametrize("recording", KINDS.values(), ids=KINDS)
def test_joints_and_skin_are_ours_at_every_frame(recording: Recording, tiny_body: BodyModel, tmp_path: Path) -> None:
    stage = Usd.Stage.Open(str(write_usd(recording, tiny_body, tmp_path / "result.usdc")))
    for track in recording.tracks:
        truth = in_scene(recording, track, tiny_body)
        root = UsdSkel.Root(stage.GetPrimAtPath(f"/recording/person_{track.identity}"))
        cache = UsdSkel.Cache()
        assert cache.Populate(root, Usd.PrimDefaultPredicate)
        (binding,) = cache.ComputeSkelBindings(root, Usd.PrimDefaultPredicate)
        query = cache.GetSkelQuery(binding.GetSkeleton())
        (skinning,) = binding.GetSkinningTargets()
        assert [token.split("/")[-1] for token in query.GetJointOrder()] == list(SMPL24.names)
        for row, frame in enumerate(track.frames):
            code = codes_of(stage, recording)[frame]
            places = np.array([m.ExtractTranslation() for m in query.ComputeJointSkelTransforms(code)])
            assert np.abs(places - truth.joints[row]).max() < 0.05 * MILLIMETRE
            points = UsdGeom.Mesh(skinning.GetPrim()).GetPointsAttr().Get()
            assert skinning.ComputeSkinnedPoints(query.ComputeSkinningTransforms(code), points, code)
            assert np.abs(np.array(points) - truth.vertices[row]).max() < 0.05 * MILLIMETRE


@pytest.mark.parametrize("recording", KINDS.values(), ids=KINDS)
def test_axes_units_rate_and_presence(recording: Recording, tiny_body: BodyModel, tmp_path: Path) -> None:
    stage = Usd.Stage.Open(str(write_usd(recording, tiny_body, tmp_path / "result.usda")))
    assert (UsdGeom.GetStageUpAxis(stage), UsdGeom.GetStageMetersPerUnit(stage)) == ("Y", 1)
    assert stage.GetDefaultPrim().GetName() == "recording"
    if recording is KINDS["steady"]:
        assert stage.GetTimeCodesPerSecond() == pytest.approx(30000 / 1001)
        assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0, FRAMES - 1)
    animation = UsdSkel.Animation(stage.GetPrimAtPath("/recording/person_3/motion"))
    np.testing.assert_allclose(animation.GetRotationsAttr().GetTimeSamples(), codes_of(stage, recording), atol=1e-6)
    late = UsdGeom.Imageable(stage.GetPrimAtPath("/recording/person_8"))
    seen = [late.ComputeVisibility(code + 1e-6) == "inherited" for code in codes_of(stage, recording)]
    assert np.flatnonzero(seen).tolist() == recording.tracks[1].frames.tolist()


def test_the_camera_sees_people_where_the_clip_has_them(tiny_body: BodyModel, tmp_path: Path) -> None:
    moving = clip(path=True)
    # A zoom, and a principal point that is not in the middle: USD can say both.
    recording = moving._replace(
        focal=np.linspace(600, 900, FRAMES).astype(np.float32), centre=moving.centre + np.float32([31, -17])
    )
    stage = Usd.Stage.Open(str(write_usd(recording, tiny_body, tmp_path / "result.usdc")))
    camera = UsdGeom.Camera(stage.GetPrimAtPath("/recording/camera"))
    width, height = recording.size
    track = recording.tracks[0]
    joints = in_scene(recording, track, tiny_body).joints
    expected = pixels(recording, track, tiny_body)
    for frame in range(FRAMES):
        frustum = camera.GetCamera(float(frame)).frustum
        project = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
        device = np.array([project.Transform(Gf.Vec3d(*joint.tolist())) for joint in joints[frame]])
        seen = np.stack([(device[:, 0] + 1) / 2 * width, (1 - device[:, 1]) / 2 * height], -1) - 0.5
        np.testing.assert_allclose(seen, expected[frame], atol=0.02)


def test_the_librarys_own_validators_find_nothing(tiny_body: BodyModel, tmp_path: Path) -> None:
    stage = Usd.Stage.Open(str(write_usd(KINDS["variable rate in a world"], tiny_body, tmp_path / "result.usdc")))
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 10
    context = UsdValidation.ValidationContext(validators)
    assert [error.GetMessage() for error in context.Validate(stage)] == []
    # They do find what is wrong.
    stage.ClearMetadata("defaultPrim")
    assert context.Validate(stage)


def test_the_missing_package_is_named(tiny_body: BodyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pxr", None)
    with pytest.raises(ExportError, match=r"usd-core package, which is missing: pip install 'maflab\[usd\]'"):
        write_usd(clip(), tiny_body, tmp_path / "result.usdc")
    assert list(tmp_path.iterdir()) == []
