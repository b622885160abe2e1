"""Keywords of all rules found in one pass over a text, in any width, case, kana and Chinese script.

Pure: no Django, no database. Latin words match as whole words with the plain English endings; Japanese and Chinese match
anywhere, because they are written without spaces; a keyword in katakana alone does not match inside a longer katakana word,
so that アプリ is not found in アプリコット.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import ahocorasick

from scrm.core.folding import Folded, fold, fold_with_places
from scrm.tags.negation import negated_by

_KATAKANA = re.compile(r"[\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff]+")
_VOWELS = "aeiou"
# Scripts with spaces between words lie below this; from here on words have no mark where they end.
_FIRST_UNSPACED = "\u2e80"


@dataclass(frozen=True, slots=True)
class KeywordRule:
    """Keywords for `key`. One exception in the text silences the rule; with `heeds_negation` a negated keyword does not count."""

    key: int | str
    keywords: tuple[str, ...]
    exceptions: tuple[str, ...] = ()
    heeds_negation: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """`original[start:end] == matched`. `silenced` is empty, or says why the hit does not count."""

    key: int | str
    keyword: str
    start: int
    end: int
    matched: str
    silenced: str = ""


@dataclass(frozen=True, slots=True)
class _Entry:
    rule: int
    keyword: str
    exception: bool
    katakana: bool


def inflections(word: str) -> set[str]:
    """The word and its plain English forms: refund, refunds, refunded, refunding.

    Only 's' is added to words of three letters and nothing to shorter ones: 'hi' is not in 'his', 'car' not in 'caring'.
    """
    last = re.search(r"[a-z]+$", word)
    if last is None or len(last.group()) < 3:
        return {word}
    tail = last.group()
    forms = {word, word + "s"}
    if tail.endswith(("s", "x", "z", "ch", "sh")):
        forms.add(word + "es")
    if tail[-1] == "y" and tail[-2] not in _VOWELS:
        forms |= {word[:-1] + "ies", word[:-1] + "ied"}
    return forms | (_verb_forms(word, tail) if len(tail) > 3 else set())


def _verb_forms(word: str, tail: str) -> set[str]:
    if tail[-1] == "e":
        return {word + "d", word[:-1] + "ing"}
    forms = {word + "ed", word + "ing"}
    if tail[-1] not in _VOWELS + "wxy" and tail[-2] in _VOWELS and tail[-3] not in _VOWELS:
        forms |= {word + tail[-1] + "ed", word + tail[-1] + "ing"}
    return forms


def _kind(char: str) -> str:
    """'letter' or 'digit' of a script with spaces between words; '' for everything that ends a word by itself."""
    if char >= _FIRST_UNSPACED or not char.isalnum():
        return ""
    return "digit" if char.isdecimal() else "letter"


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether no letter goes on into a letter, nor a digit into a digit, at either end: 'order10234' holds 'order', 'apple' not 'app'."""
    first, last = _kind(text[start]), _kind(text[end - 1])
    if first and start and _kind(text[start - 1]) == first:
        return False
    return not (last and end < len(text) and _kind(text[end]) == last)


def _is_whole_katakana(normal: str, start: int, end: int) -> bool:
    """Whether the katakana at `start` to `end` is a word of its own. Text that was written in hiragana has no such border."""
    if not _KATAKANA.fullmatch(normal, start, end):
        return True
    goes_back = start > 0 and _KATAKANA.match(normal, start - 1, start)
    goes_on = end < len(normal) and _KATAKANA.match(normal, end, end + 1)
    return not goes_back and not goes_on


class Matcher:
    """All rules in one Aho-Corasick automaton: the time depends on the text, not on the number of keywords."""

    def __init__(self, rules: Iterable[KeywordRule]) -> None:
        self.rules = list(rules)
        entries: dict[str, list[_Entry]] = {}
        for number, rule in enumerate(self.rules):
            for words, exception in ((rule.keywords, False), (rule.exceptions, True)):
                for word in words:
                    self._add(entries, number, word, exception)
        self._automaton = ahocorasick.Automaton()
        for form, of in entries.items():
            self._automaton.add_word(form, (len(form), tuple(of)))
        self._empty = not entries
        if entries:
            self._automaton.make_automaton()

    @staticmethod
    def _add(entries: dict[str, list[_Entry]], number: int, word: str, exception: bool) -> None:
        folded = fold_with_places(word.strip())
        if folded.text.strip():
            entry = _Entry(number, word.strip(), exception, _KATAKANA.fullmatch(folded.normal) is not None)
            for form in inflections(folded.text):
                entries.setdefault(form, []).append(entry)

    def _raw(self, folded: Folded) -> Iterator[tuple[int, int, _Entry]]:
        for last, (length, entries) in self._automaton.iter(folded.text):
            start, end = last - length + 1, last + 1
            if not _is_whole(folded.text, start, end):
                continue
            for entry in entries:
                if not entry.katakana or _is_whole_katakana(folded.normal, start, end):
                    yield start, end, entry

    def explain(self, text: str) -> list[Hit]:
        """Every keyword found, silenced ones too, in the order of the text; of overlapping hits of one rule the longest."""
        if self._empty or not text:
            return []
        folded = fold_with_places(text)
        found = sorted(self._raw(folded), key=lambda raw: (raw[2].rule, raw[0], -raw[1]))
        by_rule = groupby(found, key=lambda raw: raw[2].rule)
        hits = [hit for number, group in by_rule for hit in self._of_rule(number, list(group), folded, text)]
        return sorted(hits, key=lambda hit: (hit.start, hit.end))

    def _of_rule(self, number: int, found: Sequence[tuple[int, int, _Entry]], folded: Folded, text: str) -> Iterator[Hit]:
        rule = self.rules[number]
        unless = next((f"unless: {entry.keyword}" for _, _, entry in found if entry.exception), "")
        reached = 0
        for start, end, entry in found:
            if entry.exception or start < reached:
                continue
            reached = end
            negation = negated_by(folded.text, start, end) if rule.heeds_negation and not unless else ""
            first, last = folded.span(start, end)
            silenced = unless or (f"negated: {negation}" if negation else "")
            yield Hit(rule.key, entry.keyword, first, last, text[first:last], silenced)

    def hits(self, text: str) -> list[Hit]:
        """The keywords that count."""
        return [hit for hit in self.explain(text) if not hit.silenced]


def contains(text: str, keyword: str) -> bool:
    """Whether `keyword` occurs in `text` by the rules of this module."""
    return fold(keyword).strip() != "" and bool(Matcher([KeywordRule(0, (keyword,))]).hits(text))
