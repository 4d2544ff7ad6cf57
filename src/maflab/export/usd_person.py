"""One person in a USD stage. Only `usd` imports this: it needs the usd-core package."""

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade, UsdSkel, Vt

from maflab.body.joints import SMPL24, SMPL_PARENTS
from maflab.body.model import BodyModel
from maflab.export.actors import Actor
from maflab.export.influences import find_influences
from maflab.export.linear_colour import linear_colour
from maflab.export.presence import presence_of
from maflab.export.quaternions import quaternion_paths
from maflab.export.surface import body_surface, vertex_normals


def add_person(stage: Usd.Stage, actor: Actor, body: BodyModel, codes: list[float]) -> None:
    """Add a skeleton root named as the actor; below it `NAME_mesh`, `NAME_skeleton`, `NAME_material` and `motion`.

    3D tools name their objects by the prim alone, so that each has the actor's name.

    Args:
        codes: time code of every frame of the recording.
    """
    root = UsdSkel.Root.Define(stage, f"/recording/{actor.name}")
    presence = presence_of(actor, len(codes))
    if not presence.shown.all():
        visible = root.CreateVisibilityAttr()
        for frame, shown in zip(presence.frames, presence.shown, strict=True):
            visible.Set(UsdGeom.Tokens.inherited if shown else UsdGeom.Tokens.invisible, codes[frame])
    skeleton = _add_skeleton(stage, root, actor, body)
    motion = _add_motion(stage, root, actor, skeleton.GetJointsAttr().Get(), codes)
    UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([motion.GetPath()])
    mesh = _add_mesh(stage, root, actor, body)
    _bind(mesh, skeleton, actor, body)
    _add_material(stage, root, mesh, actor)


def _add_skeleton(stage: Usd.Stage, root: UsdSkel.Root, actor: Actor, body: BodyModel) -> UsdSkel.Skeleton:
    skeleton = UsdSkel.Skeleton.Define(stage, root.GetPath().AppendChild(f"{actor.name}_skeleton"))
    paths: list[str] = []
    for name, parent in zip(SMPL24.names, body.parents, strict=True):
        paths.append(f"{paths[parent]}/{name}" if parent >= 0 else name)
    rest = actor.rest_joints
    local = [rest[joint] - (rest[parent] if parent >= 0 else 0) for joint, parent in enumerate(body.parents)]
    skeleton.CreateJointsAttr(paths)
    skeleton.CreateBindTransformsAttr([Gf.Matrix4d(1).SetTranslate(Gf.Vec3d(*place.tolist())) for place in rest])
    skeleton.CreateRestTransformsAttr([Gf.Matrix4d(1).SetTranslate(Gf.Vec3d(*place.tolist())) for place in local])
    return skeleton


def _add_motion(
    stage: Usd.Stage, root: UsdSkel.Root, actor: Actor, joints: Vt.TokenArray, codes: list[float]
) -> UsdSkel.Animation:
    motion = UsdSkel.Animation.Define(stage, root.GetPath().AppendChild("motion"))
    motion.CreateJointsAttr(joints)
    motion.CreateScalesAttr([Gf.Vec3h(1)] * len(joints))
    translations, rotations = motion.CreateTranslationsAttr(), motion.CreateRotationsAttr()
    places = actor.rest_joints.astype(np.float32)
    places[1:] -= actor.rest_joints[list(SMPL_PARENTS[1:])].astype(np.float32)
    before = None
    for rows in actor.blocks():
        quaternions = quaternion_paths(actor.rotations(rows), before)
        before = quaternions[-1]
        moved = zip(actor.frames[rows], actor.positions[rows], quaternions.astype(np.float32), strict=True)
        for frame, place, turns in moved:
            places[0] = place
            translations.Set(Vt.Vec3fArray.FromNumpy(places), codes[frame])
            # USD keeps a quaternion as its imaginary part and then the real one, which is the order x, y, z, w.
            rotations.Set(Vt.QuatfArray.FromNumpy(turns), codes[frame])
    return motion


def _add_mesh(stage: Usd.Stage, root: UsdSkel.Root, actor: Actor, body: BodyModel) -> UsdGeom.Mesh:
    mesh = UsdGeom.Mesh.Define(stage, root.GetPath().AppendChild(f"{actor.name}_mesh"))
    faces = body.faces.numpy()
    points = actor.rest_vertices.astype(np.float32)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    mesh.CreateExtentAttr([Gf.Vec3f(*points.min(0).tolist()), Gf.Vec3f(*points.max(0).tolist())])
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray(len(faces), 3))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.reshape(-1).astype(np.int32)))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    normals = vertex_normals(actor.rest_vertices, faces).astype(np.float32)
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(normals))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    surface = body_surface(body)
    corners = surface.uv[surface.faces.reshape(-1)] * (1, -1) + (0, 1)  # USD's v runs upwards
    primvars = UsdGeom.PrimvarsAPI(mesh)
    uv = primvars.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
    uv.Set(Vt.Vec2fArray.FromNumpy(corners.astype(np.float32)))
    mesh.CreateDisplayColorAttr([Gf.Vec3f(*linear_colour(actor.colour))])
    return mesh


def _bind(mesh: UsdGeom.Mesh, skeleton: UsdSkel.Skeleton, actor: Actor, body: BodyModel) -> None:
    influences = find_influences(actor, body)
    count = influences.joints.shape[1]
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    indices = Vt.IntArray.FromNumpy(influences.joints.reshape(-1).astype(np.int32))
    binding.CreateJointIndicesPrimvar(False, count).Set(indices)
    weights = Vt.FloatArray.FromNumpy(influences.weights.reshape(-1))
    binding.CreateJointWeightsPrimvar(False, count).Set(weights)
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d(1))


def _add_material(stage: Usd.Stage, root: UsdSkel.Root, mesh: UsdGeom.Mesh, actor: Actor) -> None:
    material = UsdShade.Material.Define(stage, root.GetPath().AppendChild(f"{actor.name}_material"))
    shader = UsdShade.Shader.Define(stage, material.GetPath().AppendChild("surface"))
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*linear_colour(actor.colour)))
    shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(0.8)
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)
