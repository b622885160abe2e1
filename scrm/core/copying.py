"""Rows as the text that PostgreSQL's COPY takes, made column by column: most columns of thousands of rows hold few different values."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from scrm.core import fastjson

NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_json = fastjson.writer()


def block(columns: Iterable[Sequence[Any]], *, documents: frozenset[int] = frozenset()) -> str | None:
    """The lines of these rows, given as columns of one length. `documents`: places of columns whose values are written as JSON.

    None when a value is of a kind that this does not know: the driver writes it.
    """
    written = []
    for place, values in enumerate(columns):
        column = _documents(values) if place in documents else _column(values)
        if column is None:
            return None
        written.append(column)
    return "\n".join(map("\t".join, zip(*written, strict=True))) + "\n"


_PAIR = struct.Struct(">hiqiq")
_HEADER, _TRAILER = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", b"\xff\xff"


def pairs(rows: Iterable[tuple[int, int]]) -> bytes:
    """Rows of two `bigint` columns, none negative, in their order, for a COPY in the binary form."""
    pack = _PAIR.pack
    return _HEADER + b"".join(sorted([pack(2, 8, one, 8, other) for one, other in rows])) + _TRAILER


def binary(kinds: str, rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows for a COPY in the binary form. `kinds`: q `bigint`, d `double precision`, ? `boolean`, one a column; no NULL."""
    pack = struct.Struct(">h" + "".join(f"i{kind}" for kind in kinds)).pack
    sizes = [struct.calcsize(f">{kind}") for kind in kinds]
    lines = [pack(len(sizes), *(part for pair in zip(sizes, row, strict=True) for part in pair)) for row in rows]
    return _HEADER + b"".join(lines) + _TRAILER


def _column(values: Sequence[Any]) -> Iterable[str] | None:
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if not kinds:
        return [NULL] * len(values)
    writers = {_writer(kind) for kind in kinds}
    write = writers.pop()
    if write is None or writers:
        return None
    if values.count(values[0]) == len(values):
        return [*write(values[:1])] * len(values)
    if None in values:
        rest = iter(write([value for value in values if value is not None]))
        return [NULL if value is None else next(rest) for value in values]
    return write(values)


def _writer(kind: type[Any]) -> Callable[[Any], Iterable[str]] | None:
    return next((write for known, write in _WRITERS if issubclass(kind, known)), None)


def _documents(values: Sequence[Any]) -> Iterable[str]:
    return [NULL if value is None else "{}" if value == {} else _escaped(_json(value)) for value in values]


def _escaped(text: str) -> str:
    """JSON has written all other control characters with a backslash already."""
    return text.replace("\\", "\\\\") if "\\" in text else text


def document(value: Any) -> str | None:
    """What `block` writes of one, for the driver."""
    return None if value is None else _json(value)


def _texts(values: Sequence[str]) -> Iterable[str]:
    whole = "".join(values)
    if "\\" in whole or "\n" in whole or "\t" in whole or "\r" in whole:
        return [value.translate(_ESCAPES) for value in values]
    return values


def _truths(values: Sequence[bool]) -> Iterable[str]:
    return ["t" if value else "f" for value in values]


def _whole_numbers(values: Sequence[int]) -> Iterable[str]:
    return map(int.__repr__, values)


def _fractions(values: Sequence[float]) -> Iterable[str]:
    return map(float.__repr__, values)


def _moments(values: Sequence[datetime]) -> Iterable[str]:
    known = {value: value.isoformat() for value in set(values)}
    return [known[value] for value in values]


def _days(values: Sequence[date]) -> Iterable[str]:
    return map(date.isoformat, values)


# The narrower first: a truth is a whole number, a moment a day.
_WRITERS: tuple[tuple[type[Any], Callable[[Any], Iterable[str]]], ...] = (
    (str, _texts),
    (bool, _truths),
    (int, _whole_numbers),
    (float, _fractions),
    (datetime, _moments),
    (date, _days),
)
