"""A procedural body of a few hundred vertices in the same form as the real ones, for tests and debugging."""

import numpy as np
from scipy.sparse import csr_matrix, lil_matrix

from maflab.body.arrays import BodyArrays, standing_rotations
from maflab.body.atlas import body_atlas
from maflab.body.joints import EXTRA9, H36M17, LANDMARKS21, SMPL24, SMPL_PARENTS
from maflab.body.tiny_tubes import ARM, FOOT, HEAD, JOINTS, LANDMARKS, LEG, REGRESSED, TRUNK, Tube


def tiny_body() -> BodyArrays:
    """A 596-vertex body: eight closed tubes, exact joint regressor, pose directions zero. Mirror-symmetric."""
    builder = _Builder()
    for name, tube, paired in (
        ("trunk", TRUNK, False),
        ("head", HEAD, False),
        ("arm", ARM, True),
        ("leg", LEG, True),
        ("foot", FOOT, True),
    ):
        builder.add(name, tube, paired)
    template = np.concatenate(builder.points)
    faces = np.concatenate(builder.faces)
    weights = np.concatenate(builder.weights)
    joints = np.stack([_joint(name) for name in SMPL24.names])
    face_parts, face_uv = body_atlas(template, faces, weights, joints)
    return BodyArrays(
        name="tiny",
        gender="neutral",
        licence="Apache-2.0",
        template=template.astype(np.float32),
        faces=faces.astype(np.int32),
        shape_dirs=_shape_dirs(template).astype(np.float32),
        pose_dirs=None,
        joint_regressor=builder.joint_regressor(),
        skin_weights=weights.astype(np.float32),
        parents=np.array(SMPL_PARENTS, np.int64),
        extra_regressor=builder.regressor(EXTRA9.names),
        h36m_regressor=builder.regressor(H36M17.names),
        landmarks=_landmarks(template),
        face_parts=face_parts,
        face_uv=face_uv,
        mirror=np.concatenate(builder.mirror).astype(np.int64),
        mean_rotations=standing_rotations(),
        mean_betas=np.zeros(10, np.float32),
    )


def _joint(name: str) -> np.ndarray:
    if name.startswith("right_"):
        return np.array(JOINTS[name.replace("right_", "left_")]) * (-1, 1, 1)
    return np.array(JOINTS[name])


class _Builder:
    """Collects tubes, and remembers where each ring's vertices went."""

    def __init__(self) -> None:
        self.points: list[np.ndarray] = []
        self.faces: list[np.ndarray] = []
        self.weights: list[np.ndarray] = []
        self.mirror: list[np.ndarray] = []
        self.rings: dict[tuple[str, int], np.ndarray] = {}
        self.centred: dict[str, np.ndarray] = {}
        self.count = 0

    def add(self, name: str, tube: Tube, paired: bool) -> None:
        points, faces, weights = _tube_mesh(tube)
        size = len(points)
        here = self.count + np.arange(size)
        self._append(points, faces, weights)
        self._remember("L" + name if paired else name, tube, here, "left_")
        if not paired:
            self.mirror.append(self.count + _ring_mirror(tube))
            self.count += size
            return
        swap = [SMPL24.flip[joint] for joint in range(len(SMPL24))]
        self.count += size
        self._append(points * (-1, 1, 1), faces[:, ::-1], weights[:, swap])
        self._remember("R" + name, tube, here + size, "right_")
        self.mirror += [here + size, here]
        self.count += size

    def _append(self, points: np.ndarray, faces: np.ndarray, weights: np.ndarray) -> None:
        self.points.append(points)
        self.faces.append(faces + self.count)
        self.weights.append(weights)

    def _remember(self, name: str, tube: Tube, vertices: np.ndarray, side: str) -> None:
        for number, ring in enumerate(tube.rings):
            members = vertices[number * tube.sides : (number + 1) * tube.sides]
            self.rings[name, number] = members
            if ring.offset == (0, 0, 0):
                self.centred[ring.joint.replace("left_", side)] = members

    def joint_regressor(self) -> csr_matrix:
        return self._means([self.centred[name] for name in SMPL24.names])

    def regressor(self, names: tuple[str, ...]) -> csr_matrix:
        rows = []
        for name in names:
            tube, ring = REGRESSED[name] if name in REGRESSED else REGRESSED["L" + name[1:]]
            rows.append(self.rings[name[0] + tube if tube in ("arm", "leg") else tube, ring])
        return self._means(rows)

    def _means(self, rows: list[np.ndarray]) -> csr_matrix:
        matrix = lil_matrix((len(rows), self.count))
        for row, members in enumerate(rows):
            matrix[row, members] = 1 / len(members)
        return csr_matrix(matrix)


def _tube_mesh(tube: Tube) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (n, 3): ring by ring, then the first and the last pole; outward faces; weights (n, 24)."""
    centres = np.stack([_joint(ring.joint) + ring.offset for ring in tube.rings])
    along = (centres[-1] - centres[0]) / np.linalg.norm(centres[-1] - centres[0])
    front = np.array(tube.front) - along * (along @ tube.front)
    front /= np.linalg.norm(front)
    across = np.cross(front, along)
    angles = 2 * np.pi * np.arange(tube.sides) / tube.sides
    radii = np.array([ring.radii for ring in tube.rings])
    circle = (
        radii[:, :1, None] * np.cos(angles)[None, :, None] * across
        + radii[:, 1:, None] * np.sin(angles)[None, :, None] * front
    )
    reach = radii.min(1)[[0, -1]] * 0.5
    poles = np.stack([centres[0] - along * reach[0], centres[-1] + along * reach[1]])
    points = np.concatenate([(centres[:, None] + circle).reshape(-1, 3), poles])

    weights = np.zeros((len(tube.rings), 24))
    for row, ring in enumerate(tube.rings):
        joint = SMPL24.index(ring.joint)
        weights[row, joint] = ring.share
        weights[row, SMPL_PARENTS[joint]] += 1 - ring.share
    weights = np.concatenate([np.repeat(weights, tube.sides, 0), weights[[0, -1]]])
    return points, _tube_faces(len(tube.rings), tube.sides), weights


def _tube_faces(rings: int, sides: int) -> np.ndarray:
    ring, side = np.meshgrid(np.arange(rings - 1), np.arange(sides), indexing="ij")
    following = (side + 1) % sides
    a, b = ring * sides + side, ring * sides + following
    c, d = a + sides, b + sides
    wall = np.stack([np.stack([a, b, c], -1), np.stack([b, d, c], -1)]).reshape(-1, 3)
    first, last = rings * sides, rings * sides + 1
    around = np.arange(sides)
    ahead = (around + 1) % sides
    top = (rings - 1) * sides
    caps = [
        np.stack([np.full(sides, first), ahead, around], -1),
        np.stack([np.full(sides, last), top + around, top + ahead], -1),
    ]
    return np.concatenate([wall, *caps])


def _ring_mirror(tube: Tube) -> np.ndarray:
    """For a tube in the middle: the index of each vertex's mirror image (angle -> pi - angle)."""
    side = (tube.sides // 2 - np.arange(tube.sides)) % tube.sides
    rings = np.arange(len(tube.rings))[:, None] * tube.sides + side
    poles = len(tube.rings) * tube.sides + np.arange(2)
    return np.concatenate([rings.reshape(-1), poles])


def _shape_dirs(template: np.ndarray) -> np.ndarray:
    """(V, 3, 10): ten smooth, mirror-symmetric changes of a few centimetres."""
    x, y, z = template.T
    zero = np.zeros_like(x)

    def above(level: float, width: float = 0.1) -> np.ndarray:
        return 1 / (1 + np.exp(-(y - level) / width))

    def outside(level: float, width: float = 0.05) -> np.ndarray:
        return 1 / (1 + np.exp(-(np.abs(x) - level) / width))

    belly = np.exp(-((y + 0.1) ** 2) / 0.02) * (1 - outside(0.2))
    fields = (
        (0.04 * x, 0.04 * y, 0.04 * z),
        (0.08 * x * (1 - outside(0.2)), zero, 0.1 * z),
        (zero, 0.04 * y * (1 - above(-0.3)), zero),
        (0.05 * np.sign(x) * np.maximum(np.abs(x) - 0.17, 0), zero, zero),
        (zero, zero, 0.1 * z * above(-0.3)),
        (0.05 * x * above(0.4, 0.03), 0.05 * (y - 0.4) * above(0.4, 0.03), 0.05 * z * above(0.4, 0.03)),
        (0.05 * x * above(0.1, 0.05), zero, zero),
        (zero, zero, 0.03 * belly),
        (0.06 * x * (1 - above(-0.2)), zero, zero),
        (zero, zero, 0.1 * z * (1 - above(-1.05, 0.02))),
    )
    return np.stack([np.stack(field, -1) for field in fields], -1)


def _landmarks(template: np.ndarray) -> np.ndarray:
    chosen = []
    for name in LANDMARKS21.names:
        place = np.array(LANDMARKS[name.replace("right_", "left_")])
        if name.startswith("right_"):
            place = place * (-1, 1, 1)
        chosen.append(int(np.linalg.norm(template - place, axis=1).argmin()))
    return np.array(chosen, np.int64)
