"""Properties of a body that do not depend on how it was made."""

import numpy as np
import trimesh

from maflab.body.arrays import BodyArrays
from maflab.body.joints import LANDMARKS21, SMPL24, SMPL_PARENTS

PART_MIRROR = {
    **{1: 1, 2: 2, 3: 4, 5: 6, 7: 8, 9: 10, 11: 12, 13: 14, 15: 16, 17: 18, 19: 20, 21: 22, 23: 24},
    **{4: 3, 6: 5, 8: 7, 10: 9, 12: 11, 14: 13, 16: 15, 18: 17, 20: 19, 22: 21, 24: 23},
}


def check_body(arrays: BodyArrays) -> None:
    """Closed and right side out, mirror-symmetric, weights and regressors convex, named sides at the right side."""
    vertices = len(arrays.template)
    mesh = trimesh.Trimesh(arrays.template, arrays.faces, process=False)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0.03  # cubic metres; negative when inside out

    mirror = arrays.mirror
    assert np.array_equal(mirror[mirror], np.arange(vertices))
    assert np.abs(arrays.template[mirror] * (-1, 1, 1) - arrays.template).max() < 1e-4
    assert np.abs(arrays.skin_weights[mirror][:, SMPL24.flip] - arrays.skin_weights).max() < 1e-4
    mirrored_dirs = arrays.shape_dirs[mirror] * np.array([-1, 1, 1])[:, None]
    assert np.abs(mirrored_dirs - arrays.shape_dirs).max() < 1e-4

    assert arrays.skin_weights.min() >= 0
    assert np.abs(arrays.skin_weights.sum(1) - 1).max() < 1e-5
    for matrix, rows in ((arrays.joint_regressor, 24), (arrays.extra_regressor, 9), (arrays.h36m_regressor, 17)):
        assert matrix.shape == (rows, vertices)
        assert matrix.data.min() >= 0
        assert np.abs(matrix.sum(1) - 1).max() < 1e-5
    assert tuple(arrays.parents) == SMPL_PARENTS
    assert arrays.shape_dirs.shape == (vertices, 3, 10)
    assert arrays.faces.max() == vertices - 1

    joints = arrays.joint_regressor @ arrays.template
    place = dict(zip(SMPL24.names, joints, strict=True))
    marks = dict(zip(LANDMARKS21.names, arrays.template[arrays.landmarks], strict=True))
    for name, point in {**place, **marks}.items():
        if name.startswith(("left_", "right_")):
            assert point[0] * (1 if name.startswith("left_") else -1) > 0, name
    assert place["head"][1] > place["neck"][1] > place["pelvis"][1] > place["left_knee"][1]
    assert abs(place["left_wrist"][1] - place["left_shoulder"][1]) < 0.05  # T-pose
    assert marks["nose"][2] > place["head"][2]  # faces +z
    assert marks["left_big_toe"][2] > marks["left_heel"][2]
    assert marks["left_eye"][1] > marks["nose"][1]


def check_atlas(arrays: BodyArrays) -> None:
    """All 24 parts, mirrored left to right, fronts in front, and coordinates that fill [0, 1] without tears."""
    parts, uv = arrays.face_parts, arrays.face_uv
    assert set(parts.tolist()) == set(range(1, 25))
    face_of = {tuple(sorted(face)): row for row, face in enumerate(arrays.faces.tolist())}
    same = [
        PART_MIRROR[int(parts[face_of[image]])] == part
        for face, part in zip(arrays.faces, parts, strict=True)
        if (image := tuple(sorted(arrays.mirror[face].tolist()))) in face_of
    ]
    assert len(same) > 0.6 * len(parts)  # a diagonal in the middle may have no mirrored twin
    assert np.mean(same) > 0.98  # faces across the middle plane lie on one side
    centres = arrays.template[arrays.faces].mean(1)

    def middle(part: int) -> np.ndarray:
        return centres[parts == part].mean(0)

    for back, front in ((1, 2), (7, 9), (8, 10), (11, 13), (12, 14), (15, 17), (16, 18), (19, 21), (20, 22)):
        assert middle(front)[2] > middle(back)[2]
    for left, right in ((4, 3), (5, 6), (8, 7), (15, 16), (21, 22), (24, 23)):
        assert middle(left)[0] > 0 > middle(right)[0]

    assert uv.dtype == np.float32
    for part in range(1, 25):
        mine = uv[parts == part]
        assert np.allclose(mine.min((0, 1)), 0, atol=1e-6)
        assert np.allclose(mine.max((0, 1)), 1, atol=1e-6)
        corners = arrays.faces[parts == part].reshape(-1)
        order = np.argsort(corners, kind="stable")
        shared = np.diff(corners[order]) == 0
        assert np.abs(np.diff(mine.reshape(-1, 2)[order], axis=0)[shared]).max() < 1e-6
        assert np.ptp(mine, axis=1).max() < 0.7  # no face spans the part: nothing wraps around
