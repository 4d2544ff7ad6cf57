"""USD through its own library: every person a UsdSkel root with mesh, skeleton and animation, and the camera.

Frame: y up, metres (see `actors`). Time codes count frames at the recording's rate; where that varies they lie at the
time stamps between. A person is invisible while not in the frames.

Source: Pixar, "UsdSkel Schemas" and "UsdGeomCamera", OpenUSD API documentation.
"""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maflab.atomic import whole_file
from maflab.body.model import BodyModel
from maflab.export.actors import scene_actors
from maflab.export.errors import ExportError
from maflab.export.lens import camera_poses, recording_lens
from maflab.export.sampling import DEFAULT_RATE
from maflab.inference.recording import Recording
from maflab.inference.time_stamps import frame_rate

# USD gives lenses in millimetres of film: this wide, the height by the frame's.
_FILM_WIDTH = 36.0
_WHOLE_CODES = 1e-3


def require_usd() -> None:
    """Raise ExportError if the usd-core package is not there."""
    if importlib.util.find_spec("pxr") is None:
        raise ExportError("USD is written by the usd-core package, which is missing: pip install 'maflab[usd]'")


def write_usd(recording: Recording, body: BodyModel, path: Path) -> Path:
    """Write everyone of a recording, and the camera, into one file.

    Args:
        path: `.usdc` (binary) or `.usda` (text).

    Raises:
        ExportError: usd-core is missing, there is nobody in the recording, or frames or time stamps do not ascend.
        OSError: it cannot be written.
    """
    require_usd()
    # Both load the library, which takes a second and is optional.
    from pxr import Tf, Usd, UsdGeom

    from maflab.export.usd_person import add_person

    rate, codes = time_codes(recording)
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetTimeCodesPerSecond(rate)
    stage.SetFramesPerSecond(rate)
    stage.SetStartTimeCode(codes[0])
    stage.SetEndTimeCode(codes[-1])
    top = UsdGeom.Xform.Define(stage, "/recording")
    stage.SetDefaultPrim(top.GetPrim())
    stage.GetRootLayer().customLayerData = {
        "source": recording.source,
        "body": f"{body.name}, {body.licence}",
        "focal_source": recording.focal_source,
    }
    for actor in scene_actors(recording, body):
        add_person(stage, actor, body, codes)
    _add_camera(stage, recording, codes)
    with whole_file(path) as partial:
        try:
            stage.GetRootLayer().Export(str(partial))
        except Tf.ErrorException as error:
            raise OSError(f"usd-core could not write {partial}") from error
    return path


def time_codes(recording: Recording) -> tuple[float, list[float]]:
    """Time codes a second, and the code of every frame: whole numbers where the rate is steady.

    Raises:
        ExportError: there are no frames, or two time stamps are equal or descend.
    """
    times = recording.times
    if not len(times) or (np.diff(times) <= 0).any():
        raise ExportError(f"the time stamps of {recording.source} do not ascend, so nothing can be animated by them")
    rate = frame_rate(times) or DEFAULT_RATE
    codes = (times - times[0]) * rate
    if np.abs(codes - codes.round()).max() < _WHOLE_CODES:
        codes = codes.round()
    return rate, codes.tolist()


def _add_camera(stage: Any, recording: Recording, codes: list[float]) -> None:
    from pxr import UsdGeom

    lens = recording_lens(recording)
    film = _FILM_WIDTH / lens.width
    camera = UsdGeom.Camera.Define(stage, "/recording/camera")
    camera.CreateHorizontalApertureAttr(_FILM_WIDTH)
    camera.CreateVerticalApertureAttr(lens.height * film)
    # The film is moved against the principal point; its own y is up.
    camera.CreateHorizontalApertureOffsetAttr(-lens.shift[0] * film)
    camera.CreateVerticalApertureOffsetAttr(lens.shift[1] * film)
    camera.CreateClippingRangeAttr((0.01, 1000.0))
    focal = camera.CreateFocalLengthAttr(lens.focal * film)
    if np.ptp(recording.focal) > 0:
        for code, pixels in zip(codes, recording.focal.tolist(), strict=True):
            focal.Set(pixels * film, code)
    poses = camera_poses(recording)
    if poses is not None:
        place = camera.AddTransformOp()
        for code, pose in zip(codes, poses, strict=True):
            place.Set(matrix(pose), code)


def matrix(pose: NDArray[np.float64]) -> Any:
    """A transform (4, 4) that acts on columns as USD's, which acts on rows."""
    from pxr import Gf

    return Gf.Matrix4d(*pose.T.reshape(-1).tolist())
