"""One labelled picture from (seed, split, index) and nothing else."""

import zlib
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from maflab.body.arrays import BodyArrays
from maflab.body.model import BodyModel
from maflab.data.synthetic.chart import Chart
from maflab.data.synthetic.figure import draw_figure, sample_lights
from maflab.data.synthetic.people import sample_outfit
from maflab.data.synthetic.picture import compose, encode
from maflab.data.synthetic.placement import place
from maflab.data.synthetic.poses import sample_pose
from maflab.data.synthetic.recipe import Recipe
from maflab.geometry.cameras import project
from maflab.render.raycast import RayCaster


class Studio:
    """Everything that pictures of one body share: the body, its chart, its ray caster.

    Args:
        arrays: the body to photograph.
        size: side of the pictures in pixels.
        recipe: what the pictures are drawn from.
    """

    def __init__(self, arrays: BodyArrays, size: int, recipe: Recipe | None = None) -> None:
        if size < 32:
            raise ValueError(f"A picture of {size} pixels is too small for a person; use at least 32.")
        self.body = BodyModel(arrays)
        self.chart = Chart(arrays)
        self.caster = RayCaster(self.body.faces)
        self.size = size
        self.recipe = recipe or Recipe()
        self._rest_joints = self.body.rest_joints.numpy().astype(np.float64)

    @torch.no_grad()
    def record(self, seed: int, split: str, index: int) -> dict[str, Any]:
        """The picture and its labels as `PackWriter.append` takes them.

        The split is part of the seed, so that a training and a validation set of one seed share no picture.
        Key points are pixels of the picture with a confidence of 1, hidden or not, and of 0 outside the picture;
        joints are in the body frame (metres, camera axes).
        """
        rng = np.random.default_rng([seed, zlib.crc32(split.encode()), index])
        recipe = self.recipe
        pose = sample_pose(rng, self._rest_joints, liveliness=recipe.liveliness, frontal=recipe.frontal)
        # The labels are what the file holds: axis-angle in float32. The picture is made from them.
        axis_angle = Rotation.from_matrix(pose.rotations).as_rotvec().astype(np.float32)
        rotations = Rotation.from_rotvec(axis_angle.astype(np.float64)).as_matrix().astype(np.float32)
        betas = np.clip(rng.normal(0, recipe.shape_spread, 10), -2.5, 2.5).astype(np.float32)
        output = self.body(torch.from_numpy(rotations)[None], torch.from_numpy(betas)[None])
        points = self.body.keypoints(output)
        placement = place(rng, output.vertices[0].numpy(), self.size, recipe)
        outfit, lights = sample_outfit(rng), sample_lights(rng)
        figure = draw_figure(
            self.caster, self.body.faces, self.chart, output.vertices, placement, outfit, lights, self.size
        )
        picture = compose(rng, figure, self.size, recipe)
        camera = torch.from_numpy(placement.camera.astype(np.float32))[None]
        flat = placement.centre + placement.side / 2 * project(points, camera)[0].numpy()
        inside = np.all((flat > -0.5) & (flat < self.size - 0.5), axis=1)
        return {
            "jpeg": encode(picture, int(rng.integers(recipe.quality[0], recipe.quality[1] + 1))),
            "center": placement.centre.astype(np.float32),
            "size": float(placement.side),
            "keypoints_2d": np.concatenate([flat, inside[:, None]], 1).astype(np.float32),
            "joints_3d": np.concatenate([points[0, 25:].numpy(), np.ones((24, 1))], 1).astype(np.float32),
            "pose": axis_angle.reshape(72),
            "betas": betas,
            "has_pose": True,
            "has_betas": True,
            "has_joints_3d": True,
            "gender": -1,
            "camera": placement.camera.astype(np.float32),
            "sequence": pose.action.split("+")[0],
            "frame": index,
        }
