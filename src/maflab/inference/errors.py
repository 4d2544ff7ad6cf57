"""Errors of this room that a person can mend; each message is one sentence that names the thing and the remedy."""


class InputError(Exception):
    """A picture, folder, video or camera that cannot be used, or a result folder that does not go with it."""


class DetectorError(Exception):
    """A detector that cannot be had, a file of boxes that does not fit, or nobody found."""
