"""Which products a text speaks of, however customers type them: 'iPhone15 Pro Max', 'アイフォン15プロマックス', '蘋果15promax'.

Pure. Names and aliases are compared without spaces and hyphens, in one form for width, case, kana and Chinese script; the
longest name wins. What is not found so is compared with a tolerance for slips in letters, never in digits: a 14 is not a 15.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import ahocorasick
from rapidfuzz import fuzz

from scrm.core.folding import Folded, fold, fold_with_places

# Of ten letters one wrong gives 90, two wrong 80 (share of letters in common, counted on both sides).
LEAST_SIMILARITY = 88.0
_LEAST_FUZZY_LENGTH = 6
_MOST_WORDS = 6
_GAP = re.compile(r"[\s\-_・]")
_KATAKANA = re.compile(r"[\u30a1-\u30fa\u30fc-\u30ff]")
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    sku: str
    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mention:
    """`original[start:end] == matched`; `similarity` is 100 for an exact name, in percent."""

    sku: str
    start: int
    end: int
    matched: str
    similarity: float = 100.0


def compact(text: str) -> str:
    """The form in which names are compared."""
    return _GAP.sub("", fold(text))


def _digits(text: str) -> list[str]:
    return re.findall(r"\d+", text)


class Catalogue:
    """Built once from all products; `find` costs as much as the text is long."""

    def __init__(self, entries: Iterable[CatalogueEntry]) -> None:
        self._skus: dict[str, str] = {}
        for entry in entries:
            for name in (entry.name, entry.sku, *entry.aliases):
                if compact(name):
                    self._skus.setdefault(compact(name), entry.sku)
        self._automaton = ahocorasick.Automaton()
        for name, sku in self._skus.items():
            self._automaton.add_word(name, (len(name), sku))
        if self._skus:
            self._automaton.make_automaton()

    def find(self, text: str) -> list[Mention]:
        """The products that `text` names, in its order; overlapping names give the longest."""
        if not self._skus or not text:
            return []
        folded = fold_with_places(text)
        found = list(self._exact(folded, text))
        return found or list(self._similar(folded, text))

    def names_any(self, text: str) -> bool:
        """Whether a product is named letter by letter; quick, whatever the size of the catalogue."""
        return bool(self._skus) and next(self._exact(fold_with_places(text), text), None) is not None

    def _exact(self, folded: Folded, text: str) -> Iterator[Mention]:
        kept = [place for place, char in enumerate(folded.text) if not _GAP.match(char)]
        joined = "".join(folded.text[place] for place in kept)
        hits = [(last - length + 1, last + 1, sku) for last, (length, sku) in self._automaton.iter(joined)]
        reached = 0
        for start, end, sku in sorted(hits, key=lambda hit: (hit[0], -hit[1])):
            first, last = kept[start], kept[end - 1] + 1
            if start < reached or not _stands_alone(folded, first, last):
                continue
            reached = end
            begin, finish = folded.span(first, last)
            yield Mention(sku, begin, finish, text[begin:finish])

    def _similar(self, folded: Folded, text: str) -> Iterator[Mention]:
        words = list(_WORD.finditer(folded.text))
        best: tuple[float, int, int, str] | None = None
        for first in range(len(words)):
            for last in range(first, min(first + _MOST_WORDS, len(words))):
                typed = compact(folded.text[words[first].start() : words[last].end()])
                score, sku = self._closest(typed)
                if sku and (best is None or score > best[0]):
                    best = (score, words[first].start(), words[last].end(), sku)
        if best is not None:
            begin, finish = folded.span(best[1], best[2])
            yield Mention(best[3], begin, finish, text[begin:finish], round(best[0], 1))

    def _closest(self, typed: str) -> tuple[float, str]:
        if len(typed) < _LEAST_FUZZY_LENGTH:
            return 0.0, ""
        digits = _digits(typed)
        scored = ((fuzz.ratio(typed, name), sku) for name, sku in self._skus.items() if name.isascii() and _digits(name) == digits)
        return max((pair for pair in scored if pair[0] >= LEAST_SIMILARITY), default=(0.0, ""))


def _stands_alone(folded: Folded, start: int, end: int) -> bool:
    """Whether neither end cuts a Latin word, a number or a katakana word in two."""
    return not (start and _goes_on(folded, start - 1, start)) and not (end < len(folded.text) and _goes_on(folded, end - 1, end))


def _goes_on(folded: Folded, left: int, right: int) -> bool:
    a, b = folded.normal[left], folded.normal[right]
    if _KATAKANA.match(a) and _KATAKANA.match(b):
        return True
    return (a.isascii() and b.isascii()) and ((a.isalpha() and b.isalpha()) or (a.isdecimal() and b.isdecimal()))
