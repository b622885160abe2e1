"""Bodies that are damaged, and bodies that no platform sends on purpose."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

# Bodies that no platform sends on purpose; the second column of a table of crashes elsewhere.
GARBAGE: tuple[bytes, ...] = (
    b"",
    b"   ",
    b"null",
    b"true",
    b"0",
    b'"text"',
    b"[]",
    b"{}",
    b"[[]]",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b"<html><body>502 Bad Gateway</body></html>",
    b'{"entry": [',
    b'{"entry": NaN, "object": Infinity}',
    b'{"entry": [{"changes": [{"value": {"messages": [1e400, -1e400]}}]}]}',
    b'{"entry": ' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    b'{"entry": "\\ud800", "events": "\\u0000"}',
)


def damaged(bodies: Sequence[bytes], count: int, seed: int = 1) -> Iterable[bytes]:
    """`count` damaged copies of the bodies, the same for the same seed: cut, flipped, with swapped types, nested or repeated parts."""
    chance = random.Random(seed)
    for number in range(count):
        body = bytearray(bodies[number % len(bodies)])
        for _ in range(chance.randint(1, 4)):
            chance.choice(_DAMAGES)(body, chance)
        yield bytes(body)


_POISON = (
    b"null",
    b"[]",
    b"{}",
    b"-1",
    b"1e999",
    b"NaN",
    b'""',
    b'"\\u0000"',
    b'"\\ud83d"',
    b"true",
    b"9" * 40,
    b"[[[[[[1]]]]]]",
    b'{"id":{"id":1}}',
)


def _flip(body: bytearray, chance: random.Random) -> None:
    if body:
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)


def _cut(body: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(body) + 1)
    del body[start : start + chance.randint(1, 40)]


def _swap_value(body: bytearray, chance: random.Random) -> None:
    """Put something of another type in the place of one value."""
    colons = [place for place, byte in enumerate(body) if byte == ord(":")]
    if colons:
        start = chance.choice(colons) + 1
        ends = [place for place in (body.find(b",", start), body.find(b"}", start)) if place >= 0]
        body[start : min(ends, default=len(body))] = chance.choice(_POISON)


def _swap_container(body: bytearray, chance: random.Random) -> None:
    places = [place for place, byte in enumerate(body) if byte in b"[]{}"]
    if places:
        body[chance.choice(places)] = chance.choice(b"[]{}")


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (_flip, _cut, _swap_value, _swap_container)
