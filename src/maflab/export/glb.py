"""Binary glTF 2.0: every person a skinned, animated mesh, and the camera that saw them.

One animation named `motion` has everybody's joints and, where it moves, the camera, at the recording's own time stamps.
The nodes of a person: `person_N` (the skeleton's, whose scale is 0 while the person is not in the frames), below it
the 24 joints, and beside it `person_N_mesh`. At rest the nodes have the bind pose. Frame: see `actors`.

Source: Khronos, glTF 2.0 specification, sections 3.7.3 (skins), 3.10 (cameras), 3.11 (animations), 4 (GLB).
"""

import logging
import tempfile
from pathlib import Path

import numpy as np
from pygltflib import (
    GLTF2,
    Animation,
    Asset,
    Attributes,
    Camera,
    Material,
    Mesh,
    Node,
    PbrMetallicRoughness,
    Perspective,
    Primitive,
    Scene,
    Skin,
)

from maflab.atomic import whole_file
from maflab.body.joints import SMPL24
from maflab.body.model import BodyModel
from maflab.export.actors import Actor, scene_actors
from maflab.export.glb_animation import animate_actor, animate_camera, clip_times
from maflab.export.glb_buffer import INDICES, VERTICES, GlbBuffer
from maflab.export.influences import find_influences
from maflab.export.lens import recording_lens
from maflab.export.linear_colour import linear_colour
from maflab.export.posing import corrections_left_out
from maflab.export.surface import Surface, body_surface, vertex_normals
from maflab.inference.recording import Recording

logger = logging.getLogger(__name__)
_NEAR = 0.01


def write_glb(recording: Recording, body: BodyModel, path: Path) -> Path:
    """Write everyone of a recording into one `.glb`.

    Shapes are baked into the meshes and skeletons: a person has one, the mean over the track.

    Raises:
        ExportError: there is nobody in it, frames or time stamps do not ascend, or the camera has no focal length.
        OSError: it cannot be written.
    """
    document = GLTF2(
        asset=Asset(version="2.0", generator="maflab", copyright=f"body: {body.name}, {body.licence}"),
        scene=0,
        scenes=[Scene(name=Path(recording.source).stem, nodes=[])],
        animations=[Animation(name="motion")],
        extras={"source": recording.source, "body": body.name, "focal_source": recording.focal_source},
    )
    times = clip_times(recording)
    surface = body_surface(body)
    actors = scene_actors(recording, body)
    with whole_file(path) as partial, tempfile.TemporaryFile(dir=path.parent) as file:
        buffer = GlbBuffer(document, file)
        for actor in actors:
            joints = _add_actor(document, buffer, actor, body, surface)
            animate_actor(document.animations[0], buffer, actor, joints, times)
        camera = _add_camera(document, recording)
        animate_camera(document.animations[0], buffer, recording, camera, times)
        buffer.save(partial)
    return path


def _add_actor(document: GLTF2, buffer: GlbBuffer, actor: Actor, body: BodyModel, surface: Surface) -> list[int]:
    """The nodes of an actor; gives those of the skeleton's root and the 24 joints."""
    left_out = corrections_left_out(actor, body)
    if left_out:
        logger.info("%s: without the pose-dependent corrections up to %.1f mm are missing", actor.name, left_out * 1000)
    joints = _add_skeleton(document, buffer, actor, body)
    document.materials.append(
        Material(
            name=actor.name,
            pbrMetallicRoughness=PbrMetallicRoughness(
                baseColorFactor=[*linear_colour(actor.colour), 1.0], metallicFactor=0.0, roughnessFactor=0.8
            ),
        )
    )
    document.meshes.append(Mesh(name=actor.name, primitives=[_primitive(buffer, actor, body, surface)]))
    document.meshes[-1].primitives[0].material = len(document.materials) - 1
    mesh = Node(name=f"{actor.name}_mesh", mesh=len(document.meshes) - 1, skin=len(document.skins) - 1)
    document.nodes.append(mesh)
    # The mesh is a root: what stands above a skinned mesh does not move it, its skeleton does.
    document.scenes[0].nodes += [joints[0], len(document.nodes) - 1]
    return joints


def _add_skeleton(document: GLTF2, buffer: GlbBuffer, actor: Actor, body: BodyModel) -> list[int]:
    root = len(document.nodes)
    first = root + 1
    document.nodes.append(Node(name=actor.name, children=[first], extras={"identity": actor.identity}))
    rest = actor.rest_joints
    for joint, (name, parent) in enumerate(zip(SMPL24.names, body.parents, strict=True)):
        offset = rest[joint] - (rest[parent] if parent >= 0 else 0)
        children = [first + child for child, other in enumerate(body.parents) if other == joint]
        document.nodes.append(Node(name=name, translation=offset.tolist(), children=children))
    joints = list(range(first, first + len(rest)))
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(rest), 1, 1))
    inverse[:, :3, 3] = -rest
    document.skins.append(Skin(name=actor.name, joints=joints, skeleton=root, inverseBindMatrices=buffer.add(inverse)))
    return [root, *joints]


def _primitive(buffer: GlbBuffer, actor: Actor, body: BodyModel, surface: Surface) -> Primitive:
    source = surface.source
    normals = vertex_normals(actor.rest_vertices, body.faces.numpy())
    influences = find_influences(actor, body)
    logger.debug("%s: %d joints a vertex, %.2f mm", actor.name, influences.joints.shape[1], influences.error * 1000)
    attributes = Attributes(
        POSITION=buffer.add(actor.rest_vertices[source].astype(np.float32), VERTICES, bounds=True),
        NORMAL=buffer.add(normals[source].astype(np.float32), VERTICES),
        TEXCOORD_0=buffer.add(surface.uv, VERTICES),
    )
    for number in range(influences.joints.shape[1] // 4):
        four = slice(4 * number, 4 * number + 4)
        joints = influences.joints[source, four].astype(np.uint8)
        setattr(attributes, f"JOINTS_{number}", buffer.add(joints, VERTICES))
        setattr(attributes, f"WEIGHTS_{number}", buffer.add(influences.weights[source, four], VERTICES))
    kind = np.uint16 if len(source) < 65535 else np.uint32
    return Primitive(attributes=attributes, indices=buffer.add(surface.faces.reshape(-1).astype(kind), INDICES))


def _add_camera(document: GLTF2, recording: Recording) -> int:
    lens = recording_lens(recording)
    document.cameras.append(
        Camera(
            name="camera",
            type="perspective",
            perspective=Perspective(aspectRatio=lens.width / lens.height, yfov=lens.vertical_angle, znear=_NEAR),
        )
    )
    document.nodes.append(Node(name="camera", camera=0))
    document.scenes[0].nodes.append(len(document.nodes) - 1)
    return len(document.nodes) - 1
