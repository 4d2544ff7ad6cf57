"""The Warp kernel behind `painting`: colours of the vertices, mixed where a ray met a triangle.

Import this module only through `warp_runtime.load_kernels`, which quiets warp first.
"""

# mypy: ignore-errors
import warp as wp

from maflab.render.kernels import NO_HIT, intersect

wp.set_module_options({"enable_backward": False})


@wp.kernel
def paint_hits(
    vertices: wp.array2d(dtype=wp.vec3),
    faces: wp.array2d(dtype=wp.int32),
    colours: wp.array(dtype=wp.vec3),
    focal: wp.float32,
    centre_x: wp.float32,
    centre_y: wp.float32,
    nearest: wp.array3d(dtype=wp.int64),
    picture: wp.array3d(dtype=wp.uint8),
):
    """Write the colour and an alpha of 255 of what each pixel of `kernels.visit_triangles` met, zeros where nothing."""
    y, x = wp.tid()
    key = nearest[0, y, x]
    if key == NO_HIT:
        for channel in range(4):
            picture[y, x, channel] = wp.uint8(0)
        return
    face = wp.int32(key & wp.int64(0xFFFFFFFF))
    ia = faces[face, 0]
    ib = faces[face, 1]
    ic = faces[face, 2]
    hit = intersect(
        vertices[0, ia],
        vertices[0, ib],
        vertices[0, ic],
        ia,
        ib,
        ic,
        (float(x) - centre_x) / focal,
        (float(y) - centre_y) / focal,
    )
    colour = hit[0] * colours[ia] + hit[1] * colours[ib] + hit[2] * colours[ic]
    for channel in range(3):
        picture[y, x, channel] = wp.uint8(wp.clamp(colour[channel] * 255.0 + 0.5, 0.0, 255.0))
    picture[y, x, 3] = wp.uint8(255)
