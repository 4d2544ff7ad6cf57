"""Errors of this room that a person can mend; each message is one sentence that names the thing and the remedy."""


class OverrideError(Exception):
    """A setting that does not exist, has no effect, or cannot be what it was set to."""


class CheckpointError(Exception):
    """A checkpoint that is missing, damaged, or of another model, body or data than it is used with."""


class DeviceError(Exception):
    """A device that was asked for and is not there."""


class RankError(Exception):
    """A process of a distributed run that has died or did not come."""


class SweepError(Exception):
    """A sweep that cannot be run as it is asked for, or not in this folder."""
