"""Tell a whole Redis snapshot from a part of one, without a Redis: it ends with a checksum of all before."""

from pathlib import Path

from .problems import Problem

_POLYNOMIAL = 0x95AC9329AC4BC9B5
"""CRC-64 as Redis has it, bits reversed."""
_TAIL = 8
_SHORTEST = 9 + 1 + _TAIL
_BLOCK = 1 << 20


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def crc64(data: bytes, value: int = 0) -> int:
    """Return the checksum of `data` after what led to `value`."""
    table = _TABLE
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value


def check(path: Path) -> None:
    """Check that a snapshot is whole.

    Raises:
        Problem: when it is not.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(9)
        if size < _SHORTEST or not (head.startswith(b"REDIS") and head[5:].isdigit()):
            raise Problem(f"{path.name} is no snapshot of Redis")
        value, left = crc64(head), size - len(head) - _TAIL
        while left:
            block = file.read(min(_BLOCK, left))
            value, left = crc64(block, value), left - len(block)
        noted = int.from_bytes(file.read(_TAIL), "little")
    # Zero: the server was told to make none.
    if noted not in (0, value):
        raise Problem(f"{path.name} is damaged: its checksum is {noted:016x}, that of its content {value:016x}")
