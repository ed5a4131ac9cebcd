"""What writers meant to do and what they were told: the memory of the outside oracle. One
file a writer, in a directory apart from the product's data, each line on disk before the
request goes out or the next one is thought of."""

import dataclasses
import hashlib
import json
import os
import pathlib


@dataclasses.dataclass
class Op:
    """One operation on one key; `outcome`: None (under way), acked, refused, unknown."""
    id: str
    collection: str
    key: str
    kind: str               # c u d
    note_size: int = 0
    customer_id: str = ""
    amount: int = 0
    batch: str = ""         # operations of one array share it
    outcome: str = None
    version: str = ""
    status: int = 0


def note_of(op_id, size):
    """What a record must hold if this operation wrote it."""
    digest = hashlib.sha256(op_id.encode()).hexdigest()
    return (digest * (size // len(digest) + 1))[:size]


class Journal:
    """Written by one thread."""

    def __init__(self, directory, name):
        self.path = pathlib.Path(directory) / f"{name}.ndjson"
        self.fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def intend(self, ops):
        self._write([{"intend": dataclasses.asdict(op)} for op in ops])

    def acked(self, ops):
        self._write([{"acked": op.id, "version": op.version} for op in ops])

    def refused(self, ops, status):
        self._write([{"refused": op.id, "status": status} for op in ops])

    def unknown(self, ops):
        self._write([{"unknown": op.id} for op in ops])

    def close(self):
        os.close(self.fd)

    def _write(self, lines):
        os.write(self.fd, "".join(json.dumps(line) + "\n" for line in lines).encode())
        os.fdatasync(self.fd)


def load(directory):
    """Every operation of every writer, in the order each writer sent its own."""
    ops = {}
    for path in sorted(pathlib.Path(directory).glob("*.ndjson")):
        for line in path.read_text().splitlines():
            _apply(json.loads(line), ops)
    for op in ops.values():
        op.outcome = op.outcome or "unknown"
    return list(ops.values())


def _apply(line, ops):
    if "intend" in line:
        op = Op(**line["intend"])
        ops.setdefault(op.id, op)  # sent again: the same operation
        return
    outcome = next(iter(line))
    op = ops[line[outcome]]
    op.outcome = outcome
    op.version = line.get("version", "")
    op.status = line.get("status", 0)
