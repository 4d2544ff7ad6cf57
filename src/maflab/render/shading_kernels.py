"""Warp kernels behind `shading`, one for each step so that no step is a chain of passes over the pixels.

Import this module only through `warp_runtime.load_kernels`, which quiets warp first.
"""

# mypy: ignore-errors
import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.kernel
def add_face_normals(
    vertices: wp.array2d(dtype=wp.vec3), faces: wp.array2d(dtype=wp.int32), total: wp.array2d(dtype=wp.vec3)
):
    """Add each triangle's normal, as long as twice its area, to its three corners."""
    item, face = wp.tid()
    a = vertices[item, faces[face, 0]]
    normal = wp.cross(vertices[item, faces[face, 1]] - a, vertices[item, faces[face, 2]] - a)
    for corner in range(3):
        wp.atomic_add(total, item, faces[face, corner], normal)


@wp.kernel
def normalise(vectors: wp.array2d(dtype=wp.vec3)):
    item, index = wp.tid()
    vectors[item, index] = wp.normalize(vectors[item, index])


@wp.kernel
def interpolate(
    item: wp.array(dtype=wp.int64),
    corners: wp.array2d(dtype=wp.int64),
    weights: wp.array(dtype=wp.vec3),
    values: wp.array3d(dtype=wp.float32),
    result: wp.array2d(dtype=wp.float32),
):
    """Values of the corners mixed by the weights; one mesh's values serve all items."""
    n = wp.tid()
    row = wp.int32(0)
    if values.shape[0] > 1:
        row = wp.int32(item[n])
    a = wp.int32(corners[n, 0])
    b = wp.int32(corners[n, 1])
    c = wp.int32(corners[n, 2])
    weight = weights[n]
    for k in range(values.shape[2]):
        result[n, k] = weight[0] * values[row, a, k] + weight[1] * values[row, b, k] + weight[2] * values[row, c, k]


@wp.kernel
def light(
    item: wp.array(dtype=wp.int64),
    pixel: wp.array(dtype=wp.int64),
    normals: wp.array(dtype=wp.vec3),
    albedo: wp.array(dtype=wp.vec3),
    ambient: wp.array(dtype=wp.vec3),
    directions: wp.array2d(dtype=wp.vec3),
    colours: wp.array2d(dtype=wp.vec3),
    specular: wp.float32,
    shininess: wp.float32,
    picture: wp.array(dtype=wp.vec3),
):
    """Write each fragment's lit colour at its pixel; the formula is that of `shading.shade`."""
    n = wp.tid()
    row = wp.int32(item[n])
    normal = wp.normalize(normals[n])
    diffuse = ambient[row]
    highlight = wp.vec3(0.0, 0.0, 0.0)
    for k in range(directions.shape[1]):
        towards = wp.normalize(directions[row, k])
        diffuse += wp.max(wp.dot(normal, towards), 0.0) * colours[row, k]
        if specular != 0.0:
            # The viewer stands at -z.
            half = wp.normalize(towards - wp.vec3(0.0, 0.0, 1.0))
            highlight += wp.pow(wp.max(wp.dot(normal, half), 0.0), shininess) * colours[row, k]
    picture[wp.int32(pixel[n])] = wp.cw_mul(albedo[n], diffuse) + specular * highlight
