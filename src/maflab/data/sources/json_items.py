"""One array inside a large JSON file, item by item, without the whole of it in memory."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_CHARACTERS_AT_ONCE = 1 << 20
_OF_NUMBERS = "0123456789.eE+-"


def json_items(path: Path, key: str) -> Iterator[Any]:
    """The items of the array under a key of the outermost object, as `json.load` would give them.

    Raises:
        ValueError: the file is no JSON object with such an array, or ends too early.
        OSError: it cannot be read.
    """
    with path.open(encoding="utf-8") as file:
        text = _Text(file)
        text.expect("{")
        while True:
            found = text.value()
            text.expect(":")
            if found == key:
                break
            text.value()
            if text.expect(",}") == "}":
                raise ValueError(f"it has no {key!r}")
        text.expect("[")
        if text.peek() == "]":
            return
        while True:
            yield text.value()
            if text.expect(",]") == "]":
                return


class _Text:
    """The text of a file from the place that was read up to."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._decoder = file, json.JSONDecoder()
        self._ahead, self._place = "", 0

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            while self._place < len(self._ahead):
                if not self._ahead[self._place].isspace():
                    return self._ahead[self._place]
                self._place += 1
            if not self._more():
                return ""

    def expect(self, characters: str) -> str:
        """Takes the next character, which must be one of these."""
        found = self.peek()
        if not found or found not in characters:
            raise ValueError(f"{' or '.join(characters)} is expected where {found or 'the end'!r} is")
        self._place += 1
        return found

    def value(self) -> Any:
        """Takes the next value."""
        self.peek()
        while True:
            try:
                found, end = self._decoder.raw_decode(self._ahead, self._place)
            except json.JSONDecodeError:
                if not self._more():
                    raise
                continue
            # The decoder takes "0" of "0.", which may yet become 0.5.
            unfinished = end == len(self._ahead) or self._ahead[end] in _OF_NUMBERS
            if unfinished and self._more():
                continue
            self._place = end
            return found

    def _more(self) -> bool:
        """Reads on, doubling what is ahead so that a long value is not tried too often; False at the end."""
        rest = self._ahead[self._place :]
        read = self._file.read(max(_CHARACTERS_AT_ONCE, len(rest)))
        self._ahead, self._place = rest + read, 0
        return bool(read)
