"""Whether two names are certainly two people's. Pure, and slow to say yes: what it cannot compare, it does not tell apart.

This is no matching: it only keeps a shared number from being taken as proof. 'Mei' and '陳美儀' may be one person, '陳大文' and 'David'
too; '陳大文' and '林怡君' are not.
"""

from __future__ import annotations

import re

from rapidfuzz import fuzz

from scrm.core.folding import fold

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_KANA = re.compile(r"[\u3041-\u309f]")  # folded: katakana is hiragana
_LATIN = re.compile(r"[a-z]+")
_LEAST_ALIKE = 50.0


def clearly_apart(one: str, other: str) -> bool:
    """True when both are names in one script and have next to nothing in common."""
    first, second = fold(one), fold(other)
    for script in (_HAN, _KANA):
        a, b = "".join(script.findall(first)), "".join(script.findall(second))
        if len(a) >= 2 and len(b) >= 2:
            return not set(a) & set(b)
    if _HAN.search(first + second) or _KANA.search(first + second):
        return False
    a_words, b_words = _LATIN.findall(first), _LATIN.findall(second)
    if len(a_words) < 2 or len(b_words) < 2:
        return False
    return not _share_a_word(a_words, b_words) and fuzz.token_sort_ratio(" ".join(a_words), " ".join(b_words)) < _LEAST_ALIKE


def _share_a_word(one: list[str], other: list[str]) -> bool:
    """The same word, or one that is short for the other ('M.' for 'Mei', 'Dan' for 'Daniel')."""
    return any(a.startswith(b) or b.startswith(a) for a in one for b in other)
