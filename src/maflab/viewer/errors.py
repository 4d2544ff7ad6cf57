"""What goes wrong before the page is there, in words for the one who asked for it."""


class ViewerError(RuntimeError):
    """A result that cannot be shown; the message names the remedy."""
