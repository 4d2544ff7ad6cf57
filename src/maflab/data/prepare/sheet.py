"""A contact sheet of a pack's people with their labels drawn, so that a wrong join is seen at once."""

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from maflab.body.joints import SPIN49
from maflab.body.model import BodyModel
from maflab.geometry.cameras import fit_camera, project
from maflab.geometry.crops import crop_affine, pixels_to_crop
from maflab.render.overlay import overlay_mesh
from maflab.render.raycast import RayCaster

TILE = 224
COLUMNS = 6
_LEFT, _RIGHT, _MIDDLE = (40, 220, 60), (235, 60, 50), (250, 220, 60)
_COLOURS = [{"L": _LEFT, "R": _RIGHT}.get(name.removeprefix("OP ")[0], _MIDDLE) for name in SPIN49.names]
_OPACITY = 0.65
_ROOM = 1.15  # box sides that a tile shows
_BOX_FILL = 1 / 1.2  # of the box's side, what the body takes of it: SPIN's boxes are 1.2 times the tight ones


class Painter:
    """Draws records. With a body, those that have a pose get its mesh.

    Args:
        body: None draws key points only.
        own_betas: whether the records' betas are of this body; otherwise its mean shape is drawn.

    Attributes:
        misfits: of each record drawn with a mesh and key points, the mean distance between the mesh's key points and
            the record's, in sides of the box. The mesh is put where they lie closest, so what is left is pose and
            shape: a few hundredths, and several times that where the pose is somebody else's.
    """

    def __init__(self, body: BodyModel | None, own_betas: bool) -> None:
        self.body, self.own_betas = body, own_betas
        self.caster = None if body is None else RayCaster(body.faces)
        self.misfits: list[float] = []

    def sheet(self, records: list[tuple[int, dict[str, Any]]]) -> NDArray[np.uint8]:
        """
        Args:
            records: the row in the pack and what `PackWriter.append` takes.

        Returns:
            (rows * TILE, COLUMNS * TILE, 3) uint8 RGB, in order of the rows.
        """
        tiles = [self._tile(row, record) for row, record in sorted(records, key=lambda entry: entry[0])]
        tiles += [np.zeros((TILE, TILE, 3), np.uint8)] * (-len(tiles) % COLUMNS)
        return np.concatenate([np.concatenate(tiles[i : i + COLUMNS], 1) for i in range(0, len(tiles), COLUMNS)])

    def _tile(self, row: int, record: dict[str, Any]) -> NDArray[np.uint8]:
        picture = np.asarray(cv2.imdecode(np.frombuffer(record["jpeg"], np.uint8), cv2.IMREAD_COLOR))[..., ::-1]
        affine = crop_affine(record["center"], float(record["size"]) * _ROOM, TILE)
        tile = cv2.warpAffine(np.ascontiguousarray(picture), affine, (TILE, TILE)).astype(np.uint8, copy=False)
        points = np.array(record["keypoints_2d"], np.float64)
        points[:, :2] = points[:, :2] @ affine[:, :2].T + affine[:, 2]
        tile = np.ascontiguousarray(self._with_mesh(tile, record, points))
        for (x, y, confidence), colour in zip(points, _COLOURS, strict=True):
            if confidence > 0 and max(abs(x), abs(y)) < 4 * TILE:
                cv2.circle(tile, (round(x), round(y)), 3, (0, 0, 0), -1, cv2.LINE_AA)
                cv2.circle(tile, (round(x), round(y)), 2, colour, -1, cv2.LINE_AA)
        edge = round(TILE * (1 - 1 / _ROOM) / 2)
        cv2.rectangle(tile, (edge, edge), (TILE - 1 - edge, TILE - 1 - edge), (255, 255, 255), 1)
        for width, grey in ((3, 0), (1, 255)):
            cv2.putText(tile, str(row), (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (grey,) * 3, width, cv2.LINE_AA)
        return tile

    def _with_mesh(
        self, tile: NDArray[np.uint8], record: dict[str, Any], points: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        """`points` (49, 3): the record's key points in the tile's pixels."""
        if self.body is None or self.caster is None or not record["has_pose"]:
            return tile
        rotations = torch.from_numpy(Rotation.from_rotvec(np.reshape(record["pose"], (24, 3))).as_matrix()).float()
        betas = record["betas"] if self.own_betas and record["has_betas"] else np.zeros(10)
        output = self.body(rotations[None], torch.as_tensor(np.asarray(betas)).float()[None])
        keypoints = torch.from_numpy(points).float()
        keypoints[:, :2] = pixels_to_crop(keypoints[:, :2], TILE)
        model = self.body.keypoints(output)
        camera, found = fit_camera(model, keypoints[None])
        if bool(found):
            distances = (project(model, camera)[0] - keypoints[:, :2]).norm(dim=-1)[keypoints[:, 2] > 0]
            self.misfits.append(float(distances.mean()) / 2 * _ROOM)
        else:
            camera = self._camera_of_box(record, output.vertices[0])[None]
        return overlay_mesh(tile, self.caster, output.vertices[0], camera[0], opacity=_OPACITY)

    def _camera_of_box(self, record: dict[str, Any], vertices: Tensor) -> Tensor:
        """The labelled camera, or the one under which the body fills the box as it would in SPIN's files."""
        if record["camera"][0] > 0:
            scale, x, y = (float(value) for value in record["camera"])
            return torch.tensor([scale / _ROOM, x, y])
        low, high = vertices[:, :2].amin(0), vertices[:, :2].amax(0)
        scale = 2 * _BOX_FILL / _ROOM / float((high - low).amax().clamp(min=1e-3))
        return torch.cat([torch.tensor([scale]), -(low + high) / 2])
