"""The released checkpoint of PyMAF as one of ours, and ours in its layout."""

from maflab.training.published.files import convert, export_published, import_published

__all__ = ["convert", "export_published", "import_published"]
