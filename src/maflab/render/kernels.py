"""Warp kernels that meet every pixel's ray with the triangles of a batch of meshes.

Rather than walking a bounding volume hierarchy ray by ray (a refit of 13,776 triangles alone costs 0.6 ms), each
triangle visits the few rays inside its projected bounding rectangle and the nearest hit is kept by an atomic minimum.
The answer is that of ray casting, it does not depend on the order in which triangles come, and nothing is kept
between calls.

The intersection is the watertight one of Woop, Benthin and Wald, "Watertight Ray/Triangle Intersection", JCGT 2013.
Import this module only through `raycast`, which quiets warp first.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

# Triangles with all corners nearer than this (metres) are not seen, nor are hits.
NEAR = wp.constant(wp.float32(1.0e-3))
# Slack of a triangle's bounding rectangle in pixels, well above the rounding of a projection.
SLACK = wp.constant(wp.float32(1.0e-3))
NO_HIT = wp.constant(wp.int64(0x7FFFFFFFFFFFFFFF))


@wp.func
def sheared(point: wp.vec3, slope_x: wp.float32, slope_y: wp.float32) -> wp.vec2:
    """The point sheared along the ray (slope_x, slope_y, 1), so that the ray becomes the z axis."""
    return wp.vec2(point[0] - slope_x * point[2], point[1] - slope_y * point[2])


@wp.func
def edge(a: wp.vec2, b: wp.vec2, index_a: wp.int32, index_b: wp.int32) -> wp.float32:
    """Twice the signed area of (origin, a, b).

    Taken in the order of the vertices' indices: the two triangles at an edge then get exactly opposite numbers even
    where a compiler fuses multiply and add, so no ray slips between them.
    """
    if index_a < index_b:
        return a[0] * b[1] - a[1] * b[0]
    return -(b[0] * a[1] - b[1] * a[0])


@wp.func
def intersect(
    a: wp.vec3,
    b: wp.vec3,
    c: wp.vec3,
    ia: wp.int32,
    ib: wp.int32,
    ic: wp.int32,
    slope_x: float,
    slope_y: float,
) -> wp.vec4:
    """Barycentric coordinates of the ray (slope_x, slope_y, 1) in the triangle and the hit's z; z < 0 is a miss."""
    pa = sheared(a, slope_x, slope_y)
    pb = sheared(b, slope_x, slope_y)
    pc = sheared(c, slope_x, slope_y)
    u = edge(pb, pc, ib, ic)
    v = edge(pc, pa, ic, ia)
    w = edge(pa, pb, ia, ib)
    if (u < 0.0 or v < 0.0 or w < 0.0) and (u > 0.0 or v > 0.0 or w > 0.0):
        return wp.vec4(0.0, 0.0, 0.0, -1.0)
    area = u + v + w
    if area == 0.0:
        return wp.vec4(0.0, 0.0, 0.0, -1.0)
    u = u / area
    v = v / area
    w = 1.0 - u - v
    return wp.vec4(u, v, w, u * a[2] + v * b[2] + w * c[2])


@wp.kernel
def project_vertices(
    vertices: wp.array2d(dtype=wp.vec3),
    focal: wp.float32,
    centre_x: wp.float32,
    centre_y: wp.float32,
    projected: wp.array2d(dtype=wp.vec2),
):
    """The pixel coordinates of the vertices of an item; infinite for those nearer than NEAR."""
    item, vertex = wp.tid()
    point = vertices[item, vertex]
    if point[2] < NEAR:
        projected[item, vertex] = wp.vec2(wp.inf, wp.inf)
        return
    scale = focal / point[2]
    projected[item, vertex] = wp.vec2(point[0] * scale + centre_x, point[1] * scale + centre_y)


@wp.kernel
def visit_triangles(
    vertices: wp.array2d(dtype=wp.vec3),
    projected: wp.array2d(dtype=wp.vec2),
    faces: wp.array2d(dtype=wp.int32),
    focal: wp.float32,
    centre_x: wp.float32,
    centre_y: wp.float32,
    nearest: wp.array3d(dtype=wp.int64),
):
    """Each triangle of an item leaves depth and face index at the pixels it is nearest in.

    `nearest` starts as NO_HIT everywhere. Most triangles of a body lie between the rays of a small map and are left
    after a few comparisons.
    """
    item, face = wp.tid()
    ia = faces[face, 0]
    ib = faces[face, 1]
    ic = faces[face, 2]
    pa = projected[item, ia]
    pb = projected[item, ib]
    pc = projected[item, ic]
    left = wp.min(pa[0], wp.min(pb[0], pc[0])) - SLACK
    right = wp.max(pa[0], wp.max(pb[0], pc[0])) + SLACK
    top = wp.min(pa[1], wp.min(pb[1], pc[1])) - SLACK
    bottom = wp.max(pa[1], wp.max(pb[1], pc[1])) + SLACK
    if left == wp.inf:
        return  # all of it is too near
    last_x = wp.float32(nearest.shape[2] - 1)
    last_y = wp.float32(nearest.shape[1] - 1)
    if right == wp.inf:
        # A triangle that reaches behind the camera has no bounded projection and visits every ray.
        left = wp.float32(0.0)
        top = wp.float32(0.0)
        right = last_x
        bottom = last_y
    left = wp.ceil(wp.max(left, 0.0))
    right = wp.floor(wp.min(right, last_x))
    top = wp.ceil(wp.max(top, 0.0))
    bottom = wp.floor(wp.min(bottom, last_y))
    if left > right or top > bottom:
        return
    a = vertices[item, ia]
    b = vertices[item, ib]
    c = vertices[item, ic]
    for y in range(int(top), int(bottom) + 1):
        slope_y = (float(y) - centre_y) / focal
        for x in range(int(left), int(right) + 1):
            hit = intersect(a, b, c, ia, ib, ic, (float(x) - centre_x) / focal, slope_y)
            if hit[3] >= NEAR:
                # The bits of positive floats order like integers; equal depths go to the lowest face index.
                key = (wp.int64(wp.cast(hit[3], wp.int32)) << wp.int64(32)) | wp.int64(face)
                wp.atomic_min(nearest, item, y, x, key)


@wp.kernel
def read_hits(
    vertices: wp.array2d(dtype=wp.vec3),
    faces: wp.array2d(dtype=wp.int32),
    focal: wp.float32,
    centre_x: wp.float32,
    centre_y: wp.float32,
    nearest: wp.array3d(dtype=wp.int64),
    depth: wp.array3d(dtype=wp.float32),
    barycentric: wp.array3d(dtype=wp.vec3),
):
    """Turn the keys of `visit_triangles` into depth, face index (in place of the key) and barycentric coordinates."""
    item, y, x = wp.tid()
    key = nearest[item, y, x]
    if key == NO_HIT:
        depth[item, y, x] = wp.inf
        nearest[item, y, x] = wp.int64(-1)
        barycentric[item, y, x] = wp.vec3(0.0, 0.0, 0.0)
        return
    face = wp.int32(key & wp.int64(0xFFFFFFFF))
    ia = faces[face, 0]
    ib = faces[face, 1]
    ic = faces[face, 2]
    hit = intersect(
        vertices[item, ia],
        vertices[item, ib],
        vertices[item, ic],
        ia,
        ib,
        ic,
        (float(x) - centre_x) / focal,
        (float(y) - centre_y) / focal,
    )
    depth[item, y, x] = hit[3]
    nearest[item, y, x] = wp.int64(face)
    barycentric[item, y, x] = wp.vec3(hit[0], hit[1], hit[2])


@wp.kernel
def label_pixels(
    face: wp.array3d(dtype=wp.int64),
    barycentric: wp.array3d(dtype=wp.vec3),
    rows: wp.array(dtype=wp.int64),
    face_parts: wp.array(dtype=wp.uint8),
    face_uv: wp.array2d(dtype=wp.vec2),
    part: wp.array3d(dtype=wp.int64),
    u: wp.array3d(dtype=wp.float32),
    v: wp.array3d(dtype=wp.float32),
):
    """Part, U and V of what the pixels of item i met, into row `rows[i]` of maps that start as background."""
    i, y, x = wp.tid()
    met = wp.int32(face[i, y, x])
    if met < 0:
        return
    row = wp.int32(rows[i])
    weight = barycentric[i, y, x]
    uv = weight[0] * face_uv[met, 0] + weight[1] * face_uv[met, 1] + weight[2] * face_uv[met, 2]
    part[row, y, x] = wp.int64(face_parts[met])
    u[row, y, x] = wp.clamp(uv[0], 0.0, 1.0)
    v[row, y, x] = wp.clamp(uv[1], 0.0, 1.0)
