"""OBJ and PLY sequences, read by trimesh."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from maflab.body.model import BodyModel
from maflab.export.meshes import write_obj, write_ply
from maflab.inference.drawing import colour_of

from .clips import clip, in_scene


@pytest.mark.parametrize(("suffix", "write"), [("obj", write_obj), ("ply", write_ply)])
def test_vertices_and_faces_are_ours_at_every_frame(
    suffix: str, write: type, tiny_body: BodyModel, tmp_path: Path
) -> None:
    recording = clip(path=True, shape_noise=0.3)
    folders = write(recording, tiny_body, tmp_path)
    assert folders == [tmp_path / suffix / "person_3", tmp_path / suffix / "person_8"]
    for folder, track in zip(folders, recording.tracks, strict=True):
        names = sorted(path.name for path in folder.iterdir())
        assert names == [f"{frame:06d}.{suffix}" for frame in track.frames]
        truth = in_scene(recording, track, tiny_body).vertices
        for name, vertices in zip(names, truth, strict=True):
            mesh = trimesh.load(folder / name, process=False)
            np.testing.assert_allclose(mesh.vertices, vertices, atol=5e-6)
            np.testing.assert_array_equal(mesh.faces, tiny_body.faces.numpy())
            assert mesh.is_watertight
            assert mesh.volume > 0  # negative if the turn to y up had mirrored it


def test_stride_counts_the_clips_frames_and_old_meshes_go(tiny_body: BodyModel, tmp_path: Path) -> None:
    recording = clip()
    write_obj(recording, tiny_body, tmp_path)
    notes = tmp_path / "obj" / "person_8" / "notes.obj"
    notes.write_text("mine")
    write_obj(recording, tiny_body, tmp_path, stride=5)
    assert sorted(path.stem for path in (tmp_path / "obj" / "person_3").iterdir()) == ["000000", "000005", "000010"]
    assert sorted(path.stem for path in (tmp_path / "obj" / "person_8").iterdir()) == ["000005", "000010", "notes"]


def test_ply_has_the_persons_colour(tiny_body: BodyModel, tmp_path: Path) -> None:
    folders = write_ply(clip(), tiny_body, tmp_path, stride=5)
    colours = [trimesh.load(folder / "000005.ply", process=False).visual.vertex_colors for folder in folders]
    for identity, colour in zip((3, 8), colours, strict=True):
        expected = np.rint(255 * np.array(colour_of(identity)))
        np.testing.assert_array_equal(colour[:, :3], np.broadcast_to(expected, (tiny_body.num_vertices, 3)))
