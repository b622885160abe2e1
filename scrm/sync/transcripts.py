"""A conversation's day as text, the way a colleague who only has the CRM wants to read it. Pure.

`HH:MM who: text`, oldest first. A further line of a message is indented, so that nobody can write a line in another's name.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

# Below HubSpot's 65,536 characters a body, with room for the note.
MAX_CHARACTERS = 65_000


@dataclass(frozen=True, slots=True)
class Line:
    """One message. `files` are the names of what was attached."""

    at: datetime
    who: str
    kind: str
    text: str = ""
    files: tuple[str, ...] = ()


def plain(lines: Sequence[Line], time_zone: str, limit: int = MAX_CHARACTERS) -> str:
    """The transcript as plain text of at most `limit` characters; the newest messages stay."""
    return _fitted([_line(line, time_zone) for line in lines], "\n", limit, str)


def escaped(lines: Sequence[Line], time_zone: str, limit: int = MAX_CHARACTERS) -> str:
    """The same for a field that is shown as HTML: customers' words are escaped, lines end in <br>."""
    return _fitted([_line(line, time_zone) for line in lines], "<br>", limit, _as_html)


def _as_html(text: str) -> str:
    return html.escape(text, quote=False).replace("\n    ", "<br>&nbsp;&nbsp;&nbsp;&nbsp;")


def _line(line: Line, time_zone: str) -> str:
    clock_face = line.at.astimezone(ZoneInfo(time_zone or "UTC")).strftime("%H:%M")
    said = "\n    ".join(" ".join([*_named(line), line.text]).strip().splitlines())
    return f"{clock_face} {' '.join(line.who.split())}: {said}"


def _named(line: Line) -> list[str]:
    if line.files:
        return [f"[{line.kind}: {name}]" for name in line.files]
    return [] if line.kind == "text" or (line.text and line.kind in {"button", "interactive", "template"}) else [f"[{line.kind}]"]


def _note(left_out: int) -> str:
    return f"[{left_out} earlier {'message is' if left_out == 1 else 'messages are'} left out here]"


def _fitted(lines: Sequence[str], joint: str, limit: int, encode: Callable[[str], str]) -> str:
    kept: list[str] = []
    room = limit - len(_note(len(lines))) - len(joint)
    for text in reversed(lines):
        encoded = encode(text)
        if len(encoded) + len(joint) > room:
            break
        kept.append(encoded)
        room -= len(encoded) + len(joint)
    if lines and not kept:
        kept.append(_cut(lines[-1], room - len(joint), encode))
    left_out = len(lines) - len(kept)
    return joint.join([*([_note(left_out)] if left_out else []), *reversed(kept)])


def _cut(text: str, room: int, encode: Callable[[str], str]) -> str:
    """The start of a single message that is too long for the whole field; cut before it is encoded, so no entity is torn."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(encode(text[:middle])) < room else (low, middle - 1)
    return encode(text[:low]) + "…"
