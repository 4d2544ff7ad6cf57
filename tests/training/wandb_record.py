"""Reads what W&B keeps on disk of a run: protocol buffers in LevelDB's log format, behind W&B's own seven bytes.

Source: LevelDB, doc/log_format.md; the messages are W&B's (`wandb.proto.wandb_internal_pb2`).
"""

import json
import struct
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from wandb.proto.wandb_internal_pb2 import Record

_BLOCK = 32768
_HEADER = 7  # of the file, and of each piece of a record
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


class OfflineRun(NamedTuple):
    """What a run's record says."""

    group: str
    tags: list[str]
    config: dict[str, Any]
    history: list[dict[str, Any]]  # a row a call of log
    metrics: dict[str, Any]  # what was defined of each
    exit_code: int | None
    summary: dict[str, Any]

    def curve(self, key: str, axis: str = "trainer/global_step") -> list[tuple[float, float]]:
        """The points of one metric over another."""
        return [(row[axis], row[key]) for row in self.history if key in row and axis in row]


def read_run(path: Path, seconds: float = 60.0) -> OfflineRun:
    """The run of a `.wandb` file; waits for its last record: W&B's own process writes a little after `finish`."""
    end = time.monotonic() + seconds
    records = list(_records(path.read_bytes()))
    while not any(record.HasField("exit") for record in records):
        assert time.monotonic() < end, f"{path} has no exit record"
        time.sleep(0.2)
        records = list(_records(path.read_bytes()))
    runs = [record.run for record in records if record.HasField("run")]
    updates = [run.config for run in runs] + [record.config for record in records if record.HasField("config")]
    return OfflineRun(
        group=runs[0].run_group,
        tags=list(runs[0].tags),
        config=_row(item for update in updates for item in update.update),
        history=[_row(record.history.item) for record in records if record.HasField("history")],
        metrics={record.metric.name: record.metric for record in records if record.HasField("metric")},
        exit_code=next((record.exit.exit_code for record in records if record.HasField("exit")), None),
        summary=_row(item for record in records if record.HasField("summary") for item in record.summary.update),
    )


def _row(items: Iterable[Any]) -> dict[str, Any]:
    """Keys and values; a key with parents, as a picture's description has them, lies in its parents' dictionary."""
    row: dict[str, Any] = {}
    for item in items:
        *parents, key = item.nested_key or [item.key]
        node = row
        for parent in parents:
            node = node.setdefault(parent, {})
        node[key] = json.loads(item.value_json)
    return row


def _records(content: bytes) -> Iterator[Record]:
    assert content[:4] == b":W&B"
    at, pieces = _HEADER, b""
    while at + _HEADER <= len(content):
        if _BLOCK - at % _BLOCK < _HEADER:  # too little is left of the block for a header
            at += _BLOCK - at % _BLOCK
            continue
        checksum, length, kind = struct.unpack_from("<IHB", content, at)
        piece = content[at + _HEADER : at + _HEADER + length]
        if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or len(piece) < length:
            return  # still being written
        assert checksum == zlib.crc32(bytes([kind]) + piece), f"damaged at byte {at}"
        at += _HEADER + length
        pieces = piece if kind in (_FULL, _FIRST) else pieces + piece
        if kind in (_FULL, _LAST):
            yield Record.FromString(pieces)
