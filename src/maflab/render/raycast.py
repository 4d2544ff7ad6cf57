"""Which triangle does each pixel of a batch of meshes see, where on it, and how far away?"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from maflab.geometry.cameras import CROP_PIXELS, FOCAL_LENGTH, camera_translation
from maflab.render.warp_runtime import load_kernels, present_device, start_warp, torch_stream


class Hits(NamedTuple):
    """What the ray through each pixel's centre meets first."""

    depth: Tensor  # (B, H, W) float32 z of the hit in the camera frame, metres; inf where nothing is met
    face: Tensor  # (B, H, W) int64 index of the triangle; -1 where nothing is met
    barycentric: Tensor  # (B, H, W, 3) float32 weights of the triangle's corners, sum 1; 0 where nothing is met


class RayCaster:
    """Casts the rays of whole pictures at batches of meshes that share their triangles.

    Both sides of a triangle are hit. Nothing is differentiated, nothing is kept between calls: the same vertices give
    the same hits in any process, alone or in any batch. Pickles (only the triangles travel).
    """

    def __init__(self, faces: Tensor, device: torch.device | str = "cpu") -> None:
        """
        Args:
            faces: (F, 3) integer vertex indices, F >= 1.
            device: "cpu" or a CUDA device to make ready. Vertices on another device are cast there nevertheless.

        Raises:
            ValueError: the device is not there, or `faces` is not of that form.
        """
        faces = torch.as_tensor(faces)
        if faces.ndim != 2 or faces.shape[1] != 3 or len(faces) == 0 or faces.is_floating_point():
            raise ValueError(f"faces must be (F, 3) integers with F >= 1, got {faces.dtype} of {tuple(faces.shape)}.")
        if int(faces.min()) < 0:
            raise ValueError(f"faces must not hold negative vertex indices, found {int(faces.min())}.")
        self.device = present_device(torch.device(device))
        self._vertices_needed = int(faces.max()) + 1
        self._faces = faces.detach().to("cpu", torch.int32).contiguous()
        self._copies: dict[torch.device, Tensor] = {}
        self.faces_on(self.device)
        load_kernels("kernels", str(self.device))

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_copies": {}}

    def faces_on(self, device: torch.device) -> Tensor:
        """The triangles (F, 3) int32 on a device, copied there once."""
        if device not in self._copies:
            self._copies[device] = self._faces.to(device)
        return self._copies[device]

    @torch.no_grad()
    def cast(
        self,
        vertices: Tensor,
        focal: float,
        size: int | tuple[int, int],
        centre: tuple[float, float] | None = None,
    ) -> Hits:
        """
        Cast one ray through the centre of every pixel.

        Convention: camera frame x right, y down, z forward, the camera at the origin. Pixel (row y, column x) has its
        centre at the integer point (x, y), and its ray has the direction ((x - cx) / focal, (y - cy) / focal, 1).

        Args:
            vertices: (B, V, 3) metres, camera frame (the camera's translation added), on the CPU or a CUDA device.
            focal: focal length in pixels.
            size: picture size in pixels, one number or (height, width).
            centre: principal point (cx, cy) in pixels; by default the picture's middle, ((W - 1) / 2, (H - 1) / 2).

        Returns:
            Hits of (B, H, W) pixels on the vertices' device.

        Raises:
            ValueError: a shape, focal length or size is wrong, a triangle names a vertex that is not there, or a
                vertex is not finite.
        """
        height, width = (size, size) if isinstance(size, int) else size
        if height < 1 or width < 1 or not 0 < focal < float("inf"):
            raise ValueError(f"a picture needs a positive size and focal length, got {size} and {focal}.")
        vertices = vertices.detach().float()
        self._check(vertices)
        centre_x, centre_y = centre if centre is not None else ((width - 1) / 2, (height - 1) / 2)
        vertices = vertices.contiguous()
        shape = (len(vertices), height, width)
        face = torch.empty(shape, dtype=torch.int64, device=vertices.device)
        depth = torch.empty(shape, device=vertices.device)
        barycentric = torch.empty((*shape, 3), device=vertices.device)
        if len(vertices):
            self._launch(vertices, (float(focal), float(centre_x), float(centre_y)), face, depth, barycentric)
        return Hits(depth, face, barycentric)

    def cast_crop(self, vertices: Tensor, camera: Tensor, size: int) -> Hits:
        """
        Cast the rays of a square crop seen by its weak-perspective camera.

        A hit at pixel i of `size` is at the crop coordinate 2 i / (size - 1) - 1 under `geometry.cameras.project`.

        Args:
            vertices: (B, V, 3) metres, body frame (before the camera's translation).
            camera: (B, 3) weak perspective s, tx, ty of the crop.
            size: side of the crop in pixels, >= 2.

        Returns:
            Hits of (B, size, size) pixels.

        Raises:
            ValueError: as `cast`, or `camera` is not (B, 3).
        """
        if size < 2:
            raise ValueError(f"a crop needs at least 2 pixels a side, got {size}.")
        if camera.shape != (len(vertices), 3):
            raise ValueError(f"camera must be ({len(vertices)}, 3), got {tuple(camera.shape)}.")
        # project() divides f X / Z by half the crop's 224 pixels; i = (x + 1) (size - 1) / 2.
        focal = FOCAL_LENGTH * (size - 1) / CROP_PIXELS
        # In float32 even under autocast: the camera is tens of metres away.
        translation = camera_translation(camera.detach().float())[:, None]
        return self.cast(vertices.detach().float() + translation, focal, size)

    def _check(self, vertices: Tensor) -> None:
        if vertices.ndim != 3 or vertices.shape[2] != 3:
            raise ValueError(f"vertices must be (B, V, 3), got {tuple(vertices.shape)}.")
        if vertices.shape[1] < self._vertices_needed:
            raise ValueError(
                f"the faces name vertex {self._vertices_needed - 1}, but the mesh has {vertices.shape[1]} vertices."
            )
        # One sum a mesh is enough: any NaN or infinity makes it one.
        finite = vertices.sum(dim=(1, 2)).isfinite()
        if not bool(finite.all()):
            item = int((~finite).nonzero()[0])
            raise ValueError(
                f"mesh {item} of the batch, or its camera, is not finite (NaN or infinity among its numbers)."
            )

    def _launch(
        self, vertices: Tensor, lens: tuple[float, float, float], face: Tensor, depth: Tensor, barycentric: Tensor
    ) -> None:
        device = present_device(vertices.device)
        wp, kernels = start_warp(), load_kernels("kernels", str(device))
        mesh = [wp.from_torch(vertices, dtype=wp.vec3), wp.from_torch(self.faces_on(device))]
        nearest = wp.from_torch(face)
        outputs = [wp.from_torch(depth), wp.from_torch(barycentric, dtype=wp.vec3)]
        # On a CPU one thread does it all: two that start and end with every call take longer than one.
        with torch_stream(device):
            meet(vertices, mesh, lens, nearest)
            inputs = [*mesh, *lens, nearest]
            wp.launch(kernels.read_hits, dim=tuple(face.shape), inputs=inputs, outputs=outputs, device=str(device))


def meet(vertices: Tensor, mesh: list[Any], lens: tuple[float, float, float], nearest: Any) -> None:
    """
    Leave in each pixel the key of the nearest triangle its ray meets, for the kernels that read it.

    Args:
        vertices: (B, V, 3) float32 metres, camera frame.
        mesh: the same as warp's array, and the triangles (F, 3) int32 as another.
        lens: focal length, centre x, centre y in pixels.
        nearest: warp's (B, H, W) int64, overwritten.
    """
    wp, kernels = start_warp(), load_kernels("kernels", str(vertices.device))
    device = str(vertices.device)
    projected = wp.from_torch(torch.empty_like(vertices[..., :2]), dtype=wp.vec2)
    batch, count = vertices.shape[:2]
    nearest.fill_(kernels.NO_HIT)
    wp.launch(kernels.project_vertices, (batch, count), [mesh[0], *lens], [projected], device=device)
    inputs = [mesh[0], projected, mesh[1], *lens]
    wp.launch(kernels.visit_triangles, (batch, len(mesh[1])), inputs, [nearest], device=device)
