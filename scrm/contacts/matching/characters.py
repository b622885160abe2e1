"""What is known of single characters and of Japanese names, read from the tables beside this file on first use. Pure.

`characters.tsv`: character, canonical form (simplified; Japanese and regional variants folded), pinyin and jyutping without tones.
`japanese_surnames.txt` and `japanese_given.txt`: a reading in hiragana and the names written that are read so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_TABLES = Path(__file__).parent / "tables"


@dataclass(frozen=True, slots=True)
class Characters:
    """`canonical` is for `str.translate`; the others are keyed by the canonical character, the readings in order of the characters
    that fold into it."""

    canonical: dict[int, str]
    mandarin: dict[str, str]
    cantonese: dict[str, tuple[str, ...]]


@lru_cache(maxsize=1)
def characters() -> Characters:
    canonical: dict[int, str] = {}
    mandarin: dict[str, str] = {}
    cantonese: dict[str, tuple[str, ...]] = {}
    for line in (_TABLES / "characters.tsv").read_text(encoding="utf-8").splitlines():
        char, form, pinyin, jyutping = line.split("\t")
        if char != form:
            canonical[ord(char)] = form
        if char == form or form not in mandarin:
            mandarin[form] = pinyin
        if jyutping and jyutping not in cantonese.get(form, ()):
            cantonese[form] = (*cantonese.get(form, ()), jyutping)
    return Characters(canonical, mandarin, cantonese)


def canonical(text: str) -> str:
    return text.translate(characters().canonical)


@lru_cache(maxsize=1)
def japanese_surnames() -> dict[str, tuple[str, ...]]:
    """Readings in hiragana by canonical spelling."""
    return _readings("japanese_surnames.txt")


@lru_cache(maxsize=1)
def japanese_given() -> dict[str, tuple[str, ...]]:
    return _readings("japanese_given.txt")


@lru_cache(maxsize=1)
def surname_readings() -> frozenset[str]:
    """Every surname's reading: where a name in kana without a space may be cut."""
    return frozenset(reading for readings in japanese_surnames().values() for reading in readings)


def _readings(name: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    fold = characters().canonical
    for line in (_TABLES / name).read_text(encoding="utf-8").splitlines():
        reading, *written = line.split(" ")
        for each in written:
            form = each.translate(fold)
            readings = found.setdefault(form, [])
            if reading not in readings:
                readings.append(reading)
    return {form: tuple(readings) for form, readings in found.items()}
