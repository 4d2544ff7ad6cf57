"""Two rules of HTTP: whom a request may be addressed to, and which bytes it asks for."""

import ipaddress
import re
from typing import NamedTuple


class Span(NamedTuple):
    """Bytes of a file."""

    first: int
    length: int


def trusted_host(header: str | None, own: str) -> bool:
    """Whether the Host header names this machine by a name that nobody else can give it.

    A page from elsewhere can point its own domain name at 127.0.0.1 and then read what is served there as its own
    (DNS rebinding); it cannot do so with an address, nor with `localhost`.

    Args:
        header: what the request says; None: nothing.
        own: the host that the server was told to listen on.
    """
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(:\d+)?", header or "")
    if match is None:
        return False
    name = match.group(1).strip("[]").lower()
    if name in ("localhost", own.lower()):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def requested_span(header: str | None, size: int) -> Span | None:
    """The bytes that a Range header asks for.

    Args:
        header: of the request; None, several ranges, and what is no range at all ask for the whole.
        size: of the file.

    Returns:
        The span, or None for the whole.

    Raises:
        ValueError: a range with no byte of the file in it: status 416.

    Source: RFC 9110, section 14.
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", (header or "").strip())
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        count = min(int(last), size)
        start = size - count
    else:
        start = int(first)
        if last and int(last) < start:
            return None
        count = min(int(last) + 1 if last else size, size) - start
    if count <= 0:
        raise ValueError(f"bytes {header} of {size}")
    return Span(start, count)
