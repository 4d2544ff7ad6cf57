"""What goes wrong in an export, in words for the one who asked for it."""


class ExportError(RuntimeError):
    """A model that cannot be exported; the message names the remedy."""
