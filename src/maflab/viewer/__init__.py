"""A local web page with a clip beside its people in 3D; the standard library serves it, and only to this machine."""

from maflab.viewer.server import serve as serve
