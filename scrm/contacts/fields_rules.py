"""Who is right about one field of a person. Pure.

A field's value stands with its `Entry`: who said it, when, and what every source said last. A word is judged against that alone:

* a source that says what it said before has changed nothing, whatever others have said meanwhile;
* an empty field takes what it gets; equal values agree; what is older than the source's own last word is out of date;
* a rule made for the field decides between kinds of sources, else the later millisecond does;
* the same moment is a tie, and a clock that runs ahead never wins: both keep what stands and ask a person;
* when different sources say different things, the later is shown and a person is asked; what staff enter needs no asking.

Platforms give whole seconds. Such a stamp and one of the same second are taken as the same moment.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, TypeAlias

Value: TypeAlias = Any  # what JSON holds: text, a number, yes or no, None
Prefer: TypeAlias = Literal["", "later", "crm", "channel", "person"]

CREATED = "created"
PERSON = "person"
# What nobody said: the country of a number, the language of the account. Whatever is said outweighs it.
ASSUMED = "assumed"
# A stamp further ahead than this comes from a clock that is wrong.
ALLOWANCE_MS = 5 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """Who said a value when (ms since 1970, UTC), and {source: (its last value, when)}. `by`: the user's name, for people to read."""

    source: str
    at: int
    by: str = ""
    seen: Mapping[str, tuple[Value, int]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"source": self.source, "at": self.at}
        if self.by:
            found["by"] = self.by
        if self.seen:
            found["seen"] = {source: list(said) for source, said in self.seen.items()}
        return found


def entry_of(stored: Mapping[str, Any] | None) -> Entry | None:
    if not stored:
        return None
    seen = {source: (said[0], int(said[1])) for source, said in stored.get("seen", {}).items()}
    return Entry(str(stored["source"]), int(stored["at"]), str(stored.get("by", "")), seen)


@dataclass(frozen=True, slots=True)
class Standing:
    """A field as it stands. Without an entry it is as the record was made, at `made_at`; `default` is what nobody said."""

    value: Value
    entry: Entry | None
    made_at: int
    default: Value = None

    @property
    def empty(self) -> bool:
        """Nobody has said anything; a field that somebody cleared is not empty."""
        if self.entry is not None:
            return self.entry.source == ASSUMED
        return is_blank(self.value) or self.value == self.default

    @property
    def source(self) -> str:
        return self.entry.source if self.entry else CREATED

    @property
    def at(self) -> int:
        return self.entry.at if self.entry else self.made_at


class Verdict(StrEnum):
    TAKEN = "taken"
    AGREED = "agreed"
    REPEATED = "repeated"
    STALE = "stale"
    KEPT = "kept"
    RULED = "ruled"
    IGNORED = "ignored"


class Question(StrEnum):
    """Why a person is asked."""

    DIFFERS = "differs"
    TIE = "tie"
    SUSPECT = "suspect"


@dataclass(frozen=True, slots=True)
class Ruling:
    """`after` is the field from now on (None: untouched). `settles`: questions about the field that stood open are answered."""

    verdict: Verdict
    after: Standing | None = None
    question: Question | None = None
    settles: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """What one source says of one field. `blank_counts`: an empty value is meant, not merely absent.

    `news`: the source says it anew, though it may have said the same before. `knowing`: it changed what stands here, which is then no
    difference of opinion.
    """

    value: Value
    source: str
    at: int
    by: str = ""
    blank_counts: bool = False
    news: bool = False
    knowing: bool = False


def is_blank(value: Value) -> bool:
    return value is None or value == "" or value == [] or value == {}


def kind_of(source: str) -> str:
    """`crm` of `crm:hubspot`."""
    return source.partition(":")[0]


def same(one: Value, other: Value) -> bool:
    """Equal for a reader: width, case and spaces make no difference between two sources."""
    return one == other or _plain(one) == _plain(other)


def _plain(value: Value) -> Value:
    if is_blank(value):
        return ""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split()) if isinstance(value, str) else value


def later(at: int, than: int) -> int:
    """1: `at` is later, -1: earlier, 0: nobody can tell."""
    if at == than or (at // 1000 == than // 1000 and (at % 1000 == 0 or than % 1000 == 0)):
        return 0
    return 1 if at > than else -1


def repeats(word: Word, entry: Entry | None) -> bool:
    """The source has said this before. What staff enter is an act each time."""
    if word.source == PERSON or entry is None:
        return False
    said = entry.seen.get(word.source)
    return said is not None and said[0] == word.value


def judge(now: Standing, word: Word, *, clock: int, prefer: Prefer = "") -> Ruling:
    """What becomes of `now` when `word` is said at `clock` (ms)."""
    entry = now.entry
    if is_blank(word.value) and not word.blank_counts:
        return Ruling(Verdict.IGNORED)
    if word.knowing:
        return _changed_there(now, word, clock, prefer)
    if not word.news and repeats(word, entry):
        return Ruling(Verdict.REPEATED)
    said = entry.seen.get(word.source) if entry and word.source != PERSON and not word.news else None
    if said is not None and word.at < said[1]:
        return Ruling(Verdict.STALE)
    heard = _heard(now, word, clock)
    if said is None and not word.news and _was_there(entry, word):
        return Ruling(Verdict.REPEATED, heard)
    if word.source == PERSON:
        return _by_person(now, word, heard, clock, prefer)
    if now.empty:
        return _nothing_yet(now, word, heard, clock)
    if same(now.value, word.value) and (word.source != now.source or now.value == word.value):
        return Ruling(Verdict.AGREED, heard)
    return _different(now, word, heard, clock, prefer)


def _was_there(entry: Entry | None, word: Word) -> bool:
    """A source that is heard for the first time and says what the record was made with has most likely made it."""
    made = entry.seen.get(CREATED) if entry and word.source != PERSON else None
    return made is not None and made[0] == word.value


def _heard(now: Standing, word: Word, clock: int) -> Standing:
    """The field with the source's word noted beside it. What the record was made with is remembered once something else is noted."""
    entry = now.entry or Entry(CREATED, now.made_at)
    seen = dict(entry.seen)
    if now.entry is None and not now.empty:
        seen[CREATED] = (now.value, now.made_at)
    if word.source != PERSON:
        seen[word.source] = (word.value, min(word.at, clock))
    return replace(now, entry=replace(entry, seen=seen))


def _taken(heard: Standing, word: Word, clock: int) -> Standing:
    assert heard.entry is not None
    return replace(heard, value=word.value, entry=Entry(word.source, min(word.at, clock + ALLOWANCE_MS), word.by, heard.entry.seen))


def _nothing_yet(now: Standing, word: Word, heard: Standing, clock: int) -> Ruling:
    if is_blank(word.value):
        return Ruling(Verdict.IGNORED)
    return Ruling(Verdict.TAKEN, _taken(heard, replace(word, at=min(word.at, clock)), clock))


def _by_person(now: Standing, word: Word, heard: Standing, clock: int, prefer: Prefer) -> Ruling:
    """Staff mean what they enter: it is never older than what they saw while they did."""
    if now.value == word.value or (is_blank(now.value) and is_blank(word.value)):
        return Ruling(Verdict.AGREED, settles=True)
    if _ruled_out(now, word, prefer):
        return Ruling(Verdict.RULED)
    return Ruling(Verdict.TAKEN, _taken(heard, replace(word, at=max(word.at, now.at)), clock), settles=True)


def _changed_there(now: Standing, word: Word, clock: int, prefer: Prefer) -> Ruling:
    """A change of exactly what stands here: taken, whatever the clocks say, unless a rule gives the field to others."""
    heard = _heard(now, word, clock)
    if now.value == word.value or (is_blank(now.value) and is_blank(word.value)):
        return Ruling(Verdict.AGREED, heard)
    if _ruled_out(now, word, prefer):
        return Ruling(Verdict.RULED, heard)
    return Ruling(Verdict.TAKEN, _taken(heard, replace(word, at=min(word.at, clock)), clock))


def _ruled_out(now: Standing, word: Word, prefer: Prefer) -> bool:
    return prefer not in ("", "later") and kind_of(now.source) == prefer != kind_of(word.source) and not now.empty


def _different(now: Standing, word: Word, heard: Standing, clock: int, prefer: Prefer) -> Ruling:
    if _ruled_out(now, word, prefer):
        return Ruling(Verdict.RULED, heard)
    if word.at > clock + ALLOWANCE_MS:
        return Ruling(Verdict.KEPT, heard, Question.SUSPECT)
    if prefer not in ("", "later") and kind_of(word.source) == prefer != kind_of(now.source):
        return Ruling(Verdict.TAKEN, _taken(heard, word, clock))
    if word.source == now.source:
        # One source changed its mind; its own order of telling settles what its clock cannot.
        return Ruling(Verdict.TAKEN if word.at >= now.at else Verdict.STALE, _taken(heard, word, clock) if word.at >= now.at else None)
    order = later(word.at, now.at)
    if order == 0:
        return Ruling(Verdict.KEPT, heard, Question.TIE)
    question = None if prefer == "later" else Question.DIFFERS
    if order > 0:
        return Ruling(Verdict.TAKEN, _taken(heard, word, clock), question)
    return Ruling(Verdict.KEPT, heard, question)
