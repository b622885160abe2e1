"""One form for text that people write in many: width, case, kana, traditional and simplified Chinese, emoji variants.

Pure. The folded text keeps, for each of its characters, where it came from, so that a match can be shown in the original.

Chinese is converted character by character, not by phrase: both sides of a comparison are folded alike, and a phrase table
would make the form of a character depend on its neighbours, so that a keyword could miss inside a longer phrase.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import jaconv
from opencc import OpenCC

_simplify = OpenCC("t2s").convert

# Voiced and semi-voiced sound marks that follow a kana as a character of their own, half-width and combining.
_SOUND_MARKS = frozenset("\uff9e\uff9f\u3099\u309a")
# Characters that change how a neighbour looks and not what it says: zero-width ones, variation selectors, skin tones.
_ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff")
_INVISIBLE = frozenset([*_ZERO_WIDTH, *map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0x1F3FB, 0x1F400))])
_SAME = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u301c": "~", "\u2010": "-", "\u2011": "-", "\u2013": "-"})


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` is the folded form; its character n stands for `original[starts[n]:ends[n]]`; `normal[n]` is that character before
    kana and Chinese were folded, which still tells katakana from hiragana."""

    text: str
    normal: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the original of the folded characters `start` to `end` (not included); `end` > `start`."""
        return self.starts[start], self.ends[end - 1]


@lru_cache(maxsize=20_000)
def _fold_cluster(cluster: str) -> tuple[str, str]:
    """(normal form, folded form) of one character with its marks, of equal length."""
    normal = unicodedata.normalize("NFKC", cluster).casefold().translate(_SAME)
    normal = "".join(" " if char.isspace() else char for char in normal)
    folded = jaconv.kata2hira(normal)
    if not folded.isascii():
        folded = "".join(_one(_simplify(char), char) for char in folded)
    return (normal, folded) if len(normal) == len(folded) else (normal, normal)


def _one(converted: str, char: str) -> str:
    return converted if len(converted) == 1 else char


def _clusters(text: str) -> list[tuple[int, int, str]]:
    """(start, end, visible characters) of each character with the marks that follow it."""
    found: list[tuple[int, int, str]] = []
    for place, char in enumerate(text):
        if found and (char in _SOUND_MARKS or unicodedata.combining(char)):
            start, _, before = found[-1]
            found[-1] = (start, place + 1, before + char)
        elif char not in _INVISIBLE:
            found.append((place, place + 1, char))
        elif found:
            start, _, before = found[-1]
            found[-1] = (start, place + 1, before)
    return found


def fold_with_places(text: str) -> Folded:
    """Fold `text`; runs of white space become one space."""
    out: list[str] = []
    normal: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end, cluster in _clusters(text):
        for before, after in zip(*_fold_cluster(cluster), strict=True):
            if after == " " and out and out[-1] == " ":
                ends[-1] = end
                continue
            out.append(after)
            normal.append(before)
            starts.append(start)
            ends.append(end)
    return Folded("".join(out), "".join(normal), tuple(starts), tuple(ends))


def fold(text: str) -> str:
    return fold_with_places(text).text
