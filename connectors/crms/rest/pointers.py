"""JSON pointers (RFC 6901) both ways, and the leaves of a record under their pointers.

A field's name is a pointer ("/phones/0/number"), or without a slash the name of a member ("name"). Where a pointer leads through what
is not there yet, a list is made for the steps 0 and -, an object for all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

LONGEST = 300
DEEPEST = 20
MOST_LEAVES = 500
# A pointer that adds more empty places to a list than this means a mistake.
MOST_PADDING = 20

_BAD_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


class Missing:
    """What a pointer finds where nothing is; not null, which is a value."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


class BadPointer(ValueError):
    """The pointer is none, or does not fit the document; the message says why."""


def tokens(name: str) -> tuple[str, ...]:
    """The steps of a pointer or of a plain name. Raises `BadPointer`."""
    if len(name) > LONGEST:
        raise BadPointer(f"a pointer has at most {LONGEST} characters")
    if name == "":
        return ()
    if not name.startswith("/"):
        return (name,)
    if _BAD_ESCAPE.search(name):
        raise BadPointer(f"{name}: behind ~ only 0 and 1 may stand")
    found = tuple(part.replace("~1", "/").replace("~0", "~") for part in name[1:].split("/"))
    if len(found) > DEEPEST:
        raise BadPointer(f"a pointer has at most {DEEPEST} steps")
    return found


def pointer(steps: tuple[str, ...]) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def get(document: Any, name: str) -> Any:
    """The value there, or `MISSING`. Raises `BadPointer` for what is no pointer."""
    value = document
    for step in tokens(name):
        if isinstance(value, dict):
            value = value.get(step, MISSING)
        elif isinstance(value, list):
            value = value[int(step)] if _INDEX.fullmatch(step) and int(step) < len(value) else MISSING
        else:
            return MISSING
        if value is MISSING:
            return MISSING
    return value


def put(document: Any, name: str, value: Any) -> Any:
    """The document with the value there; objects and lists in it are changed in place. Raises `BadPointer` when it cannot be."""
    return _put(document, tokens(name), value, name)


def _put(holder: Any, steps: tuple[str, ...], value: Any, name: str) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if holder is None or holder is MISSING:
        holder = [] if step in {"0", "-"} else {}
    if holder == [] and step != "-" and not _INDEX.fullmatch(step):
        holder = {}  # PHP writes an object without members as an empty list
    if isinstance(holder, dict):
        holder[step] = _put(holder.get(step, MISSING), rest, value, name)
        return holder
    if not isinstance(holder, list):
        raise BadPointer(f"{name} leads through a value that holds nothing")
    place = len(holder) if step == "-" else int(step) if _INDEX.fullmatch(step) else -1
    if place < 0 or place > len(holder) + MOST_PADDING:
        raise BadPointer(f"{name}: {step} is no place in a list")
    holder.extend([None] * (place + 1 - len(holder)))
    holder[place] = _put(holder[place], rest, value, name)
    return holder


def leaves(document: Any) -> dict[str, Any]:
    """Every value of a record that holds no other, under its pointer; a list of plain values is one value. At most `MOST_LEAVES`."""
    found: dict[str, Any] = {}
    for steps, value in _walk(document, ()):
        if len(found) >= MOST_LEAVES:
            break
        found[pointer(steps)] = value
    return found


def tables(document: Any) -> dict[str, list[dict[str, Any]]]:
    """Every list of a record that holds objects alone, or nothing, under its pointer; lists within lists are left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    todo: list[tuple[tuple[str, ...], Any]] = [((), document)]
    while todo and len(found) < MOST_LEAVES:
        steps, value = todo.pop(0)
        if isinstance(value, list) and steps and all(isinstance(part, dict) for part in value):
            found[pointer(steps)] = value
        elif isinstance(value, dict) and len(steps) < DEEPEST:
            todo += [((*steps, name), part) for name, part in value.items()]
    return found


def _walk(value: Any, steps: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value and len(steps) < DEEPEST:
        for name, part in value.items():
            yield from _walk(part, (*steps, name))
    elif isinstance(value, list) and any(isinstance(part, dict | list) for part in value) and len(steps) < DEEPEST:
        for place, part in enumerate(value):
            yield from _walk(part, (*steps, str(place)))
    elif steps:
        yield steps, value
