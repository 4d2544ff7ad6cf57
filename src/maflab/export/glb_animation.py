"""The motion of a glTF document: key frames at the recording's own time stamps."""

import numpy as np
from numpy.typing import NDArray
from pygltflib import Animation, AnimationChannel, AnimationChannelTarget, AnimationSampler

from maflab.export.actors import Actor
from maflab.export.errors import ExportError
from maflab.export.glb_buffer import GlbBuffer
from maflab.export.lens import camera_poses
from maflab.export.presence import presence_of
from maflab.export.quaternions import quaternion_paths
from maflab.inference.recording import Recording


def clip_times(recording: Recording) -> NDArray[np.float32]:
    """The time stamps (N,) as glTF has them, seconds.

    Raises:
        ExportError: two of them are equal or descend.
    """
    times = recording.times.astype(np.float32)
    wrong = np.flatnonzero(np.diff(times) <= 0)
    if len(wrong):
        raise ExportError(
            f"the time stamps of frames {wrong[0]} and {wrong[0] + 1} of {recording.source} do not ascend, "
            "so nothing can be animated by them"
        )
    return times


def animate_actor(
    animation: Animation, buffer: GlbBuffer, actor: Actor, nodes: list[int], times: NDArray[np.float32]
) -> None:
    """Add an actor's channels: the root joint's place, 24 rotations, and the scale that hides it.

    Args:
        nodes: the skeleton's root and the 24 joints.
        times: (N,) of the recording.
    """
    root, joints = nodes[0], nodes[1:]
    keys = buffer.add(times[actor.frames], bounds=True)
    _add_channel(animation, joints[0], "translation", keys, buffer.add(actor.positions.astype(np.float32)))
    turns = [buffer.reserve(len(actor.frames), 4) for _ in joints]
    before = None
    for rows in actor.blocks():
        quaternions = quaternion_paths(actor.rotations(rows), before)
        before = quaternions[-1]
        for joint, accessor in enumerate(turns):
            buffer.fill(accessor, rows.start, quaternions[:, joint].astype(np.float32))
    for node, accessor in zip(joints, turns, strict=True):
        _add_channel(animation, node, "rotation", keys, accessor)
    presence = presence_of(actor, len(times))
    if not presence.shown.all():
        scale = np.repeat(presence.shown.astype(np.float32)[:, None], 3, axis=1)
        # Half-way between frames, so that a player's rounding of a frame's time cannot matter.
        before = np.maximum(presence.frames - 1, 0)
        changes = buffer.add((times[presence.frames] + times[before]) / 2, bounds=True)
        _add_channel(animation, root, "scale", changes, buffer.add(scale), interpolation="STEP")


def animate_camera(
    animation: Animation, buffer: GlbBuffer, recording: Recording, node: int, times: NDArray[np.float32]
) -> None:
    """Add the camera's path, if there is one."""
    poses = camera_poses(recording)
    if poses is None:
        return
    keys = buffer.add(times, bounds=True)
    quaternions = quaternion_paths(poses[:, :3, :3]).astype(np.float32)
    _add_channel(animation, node, "translation", keys, buffer.add(poses[:, :3, 3].astype(np.float32)))
    _add_channel(animation, node, "rotation", keys, buffer.add(quaternions))


def _add_channel(
    animation: Animation, node: int, path: str, keys: int, values: int, interpolation: str = "LINEAR"
) -> None:
    animation.samplers.append(AnimationSampler(input=keys, output=values, interpolation=interpolation))
    target = AnimationChannelTarget(node=node, path=path)
    animation.channels.append(AnimationChannel(sampler=len(animation.samplers) - 1, target=target))
