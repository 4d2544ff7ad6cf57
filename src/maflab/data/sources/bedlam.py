"""BEDLAM's label files (Black et al., CVPR 2023): `.npz`, one a scene, as its `data_processing` writes them.

Keys read: imgname, center, scale (the box's side is 200 scale), gtkps (joints in pixels; a third number is the 1 of
homogeneous coordinates), and where the files are those of SMPL: pose_cam (72) axis-angle with the root into the
camera, shape, gender; cam_int (3, 3) for the focal length. Its SMPL-X files (pose_cam of 165 numbers) give boxes and
2D key points only: SMPL-X's pose and shape are not SMPL's.

Bodies of 11 betas are of the neutral model, whatever the person's gender; the first ten are kept. Bodies of 10 are of
the gendered one.

The pictures of close-up scenes lie on their side: their labels belong to the picture turned by 90 degrees clockwise,
which shows in a principal point nearer to the left edge than to the top one.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from maflab.body.joints import SPIN49
from maflab.body.label_joints import HUMANS44, MODEL45, SMPLX22, placed
from maflab.data.sources.entries import frame_number, gender_number, with_confidence
from maflab.data.sources.npz_labels import NpzLabels, Row, label_files
from maflab.data.sources.person import Person
from maflab.data.sources.upright import quarter_turns

_SMPL_POSE = 72


class BedlamLabels:
    """People of BEDLAM's scenes.

    Args:
        labels: a folder of `<scene>.npz`, or one such file.
        images: the folder of the scenes' folders.
        pictures: where the pictures of a scene are, below `images`; `{scene}` is the label file's name.

    Raises:
        SourceError: there are no label files, or one is damaged or of another form.
    """

    def __init__(self, labels: str | Path, images: str | Path, pictures: str = "{scene}/png") -> None:
        self.images, self.pictures = Path(images), pictures
        self.files = [NpzLabels(path) for path in label_files(Path(labels))]
        for file in self.files:
            _check(file)

    def __len__(self) -> int:
        return sum(map(len, self.files))

    def __iter__(self) -> Iterator[Person]:
        for file in self.files:
            folder = self.images / self.pictures.format(scene=file.path.stem)
            keys = ["imgname", "center", "scale", "gtkps"]
            keys += [key for key in ("pose_cam", "shape", "gender", "cam_int") if key in file]
            for row in file.rows(keys):
                yield _person(row, folder, file.path.stem)


def _check(file: NpzLabels) -> None:
    file.check("center", (2,))
    file.check("scale", (), (1,))
    joints, *numbers = file.shape("gtkps") or (0,)
    if numbers not in ([2], [3]) or joints < len(SMPLX22):
        file.check("gtkps", (len(MODEL45), 2), (len(MODEL45), 3))
    for key, shapes in (("cam_int", ((3, 3),)), ("shape", ((10,), (11,))), ("pose_cam", ((_SMPL_POSE,), (165,)))):
        if key in file:
            file.check(key, *shapes)


def _person(row: Row, folder: Path, scene: str) -> Person:
    points = row["gtkps"]
    joints = {len(MODEL45): MODEL45, len(HUMANS44): HUMANS44}.get(len(points), SMPLX22)
    intrinsics = row.get("cam_int")
    name = Path(str(row["imgname"]))
    person = Person(
        image=folder / name,
        center=row["center"].astype(np.float32),
        size=200 * float(row["scale"].item()),
        keypoints_2d=placed(with_confidence(points[: len(joints), :2]), joints, SPIN49),
        focal=0.0 if intrinsics is None else float(intrinsics[0, 0]),
        sequence=f"{scene}/{name.parent}",
        frame=frame_number(name),
        turns=quarter_turns(folder / name, intrinsics),
    )
    if "pose_cam" not in row or len(row["pose_cam"]) != _SMPL_POSE:
        return person
    betas = row.get("shape")
    gendered = betas is not None and len(betas) == 10
    return person._replace(
        pose=row["pose_cam"].astype(np.float32),
        betas=None if betas is None else betas[:10].astype(np.float32),
        gender=gender_number(row.get("gender")) if gendered else -1,
    )
