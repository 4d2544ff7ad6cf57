"""What goes wrong while exporting, in words for the one who asked for it."""


class ExportError(RuntimeError):
    """A recording that cannot be written as asked; the message names the remedy."""
