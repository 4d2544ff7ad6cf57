"""Draws docs/images/atlas.jpg: the two kinds of atlas that the auxiliary head can learn, on the licence-free body.

    python experiments/dense_correspondence/draw_atlas.py

Left, the atlas that every body brings, computed from its skinning weights. Right, one read from a file in the form of
DensePose's `UV_Processed.mat`. That file is not ours to ship, so a stand-in is written here: the same 24 parts, each
flattened onto its own main plane, with vertices repeated along the seams as DensePose repeats them.
"""

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from scipy.io import savemat

from maflab.body.arrays import BodyArrays
from maflab.body.densepose_file import NAME, read_densepose_atlas
from maflab.body.load import load_body
from maflab.body.model import BodyModel
from maflab.render.overlay import part_picture
from maflab.render.raycast import RayCaster
from maflab.render.targets import auxiliary_targets

SIZE = 480  # of one view, pixels
SQUARES = 6  # of the checkerboard along U and V of a part
CAMERA = (1.08, 0.0, 0.0)


def flattened(arrays: BodyArrays) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Charts of the body's parts by their main planes: (N,) vertices, (F, 3) charted faces, (F,) parts, (N, 2) UV."""
    vertices, faces, parts, uv = [], [], [], []
    count = 0
    for part in range(1, 25):
        own = arrays.faces[arrays.face_parts == part]
        used, charted = np.unique(own, return_inverse=True)
        centred = arrays.template[used] - arrays.template[used].mean(0)
        axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
        flat = centred @ axes.T
        vertices.append(used)
        faces.append(charted.reshape(-1, 3) + count)
        parts.append(np.full(len(own), part))
        uv.append((flat - flat.min(0)) / np.ptp(flat, axis=0))
        count += len(used)
    return np.concatenate(vertices), np.concatenate(faces), np.concatenate(parts), np.concatenate(uv)


def write_stand_in(arrays: BodyArrays, path: Path) -> None:
    """A file in DensePose's form, which counts from 1."""
    vertices, faces, parts, uv = flattened(arrays)
    content = {"All_vertices": vertices[None] + 1, "All_Faces": faces + 1, "All_FaceIndices": parts[:, None]}
    savemat(path, content | {"All_U_norm": uv[:, :1], "All_V_norm": uv[:, 1:]})


def view(body: BodyModel, degrees: float) -> np.ndarray:
    """(SIZE, SIZE, 3) the parts in their colours, U and V as a checkerboard; the body stands turned by `degrees`."""
    angle = np.deg2rad(degrees)
    turn = torch.tensor(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]], dtype=torch.float32
    )
    rotations = body.mean_rotations.clone()
    rotations[0] = turn @ rotations[0]
    output = body(rotations[None], body.mean_betas[None])
    centred = output.vertices - (output.vertices.amax(1, keepdim=True) + output.vertices.amin(1, keepdim=True)) / 2
    fine = 2 * SIZE
    maps = auxiliary_targets(RayCaster(body.faces), body, centred, torch.tensor([CAMERA]), torch.ones(1), fine)
    part, u, v = (x[0].numpy() for x in (maps.part, maps.u, maps.v))
    picture = part_picture(part).astype(np.float32)
    dark = (np.floor(u * SQUARES) + np.floor(v * SQUARES)) % 2 > 0
    picture[dark & (part > 0)] *= 0.62
    picture[part == 0] = 255
    return cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(os.environ.get("MAFLAB_DATA", "data")) / "body")
    parser.add_argument("--to", type=Path, default=Path(__file__).parents[2] / "docs" / "images" / "atlas.jpg")
    options = parser.parse_args()
    own = load_body("anny", options.folder)
    with tempfile.TemporaryDirectory() as folder:
        write_stand_in(own.arrays, Path(folder) / NAME)
        parts, uv = read_densepose_atlas(Path(folder) / NAME, own.arrays.faces)
    filed = BodyModel(replace(own.arrays, face_parts=parts, face_uv=uv))
    margin = SIZE // 5  # of a view, which is wider than a standing body
    views = [view(body, degrees)[:, margin:-margin] for body in (own, filed) for degrees in (0, 180)]
    Image.fromarray(np.concatenate(views, axis=1)).save(options.to, quality=88)


if __name__ == "__main__":
    main()
