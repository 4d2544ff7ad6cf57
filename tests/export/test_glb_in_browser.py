"""The file in a real browser: seen through its own camera, people cover the pixels that they cover in the clip."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from maflab.body.model import BodyModel
from maflab.export.glb import write_glb
from maflab.inference.drawing import colour_of

from .browser import draw
from .clips import clip, in_camera


@pytest.mark.slow
def test_the_browser_sees_the_people_of_the_clip(
    browser: Any, tiny_body: BodyModel, tmp_path: Path, node_folder: Path
) -> None:
    recording = clip(path=True)
    track = recording.tracks[0]
    # Frame 8 is one that the other person is not in.
    frame = 8
    path = write_glb(recording, tiny_body, tmp_path / "result.glb")
    width, height = recording.size
    options = {"flat": True, "time": float(recording.times[frame]), "width": width, "height": height}
    png, triangles = draw(browser, node_folder, path, options)
    picture = cv2.cvtColor(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert picture.shape == (height, width, 3)
    assert triangles == 2 * len(tiny_body.faces)
    seen = (picture < 250).any(-1)

    vertices = in_camera(track, tiny_body).vertices[frame]
    points = vertices[:, :2] / vertices[:, 2:] * recording.focal[frame] + recording.centre[frame]
    expected = np.zeros((height, width), np.uint8)
    for face in tiny_body.faces.numpy():
        cv2.fillConvexPoly(expected, np.rint(points[face] * 16).astype(np.int32), 1, shift=4)
    expected = expected.astype(bool)
    assert expected.sum() > 5000
    # cv2 fills every pixel that a triangle touches, a browser those whose centre it covers.
    assert (seen & expected).sum() / (seen | expected).sum() > 0.93
    assert (seen & ~expected).sum() < 0.01 * seen.sum()
    colour = np.median(picture[seen], axis=0)
    np.testing.assert_allclose(colour, 255 * np.array(colour_of(3)), atol=2)
