"""Errors of this room that a person can mend; each message names the thing and the remedy."""


class ReportError(Exception):
    """A folder that holds no report's worth of runs, runs that cannot share a table, or a choice that is not there."""
