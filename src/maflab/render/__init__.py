"""Ray-cast depth, part and UV maps and shaded pictures of batches of meshes.

Importing this room is cheap: warp is imported, and its kernels compiled or read from the cache, when the first
`RayCaster` is made.
"""
