"""How alike two names are, as one of a few levels that people understand. Pure, symmetric."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from rapidfuzz.distance import Levenshtein

from scrm.contacts.matching import given_names, spelling
from scrm.contacts.matching.names import Name, Reading


class Level(IntEnum):
    """From contradiction to identity; the order is that in which the best of several comparisons is taken. Up to GIVEN_DIFFERS they
    contradict; from NEAR on a whole name is alike, from SOUND on in full."""

    DIFFERENT = 0
    FAMILY_ONLY_DIFFERS = 1  # the given name is the same, the family name another
    GIVEN_DIFFERS = 2  # one family, two given names: relatives, or namesakes of a family
    UNKNOWN = 3
    FAMILY = 4  # the same family name, and nothing to compare of the given one
    GIVEN = 5  # the same given name, and nothing to compare of the family name
    NEAR = 6  # above the similarity that the rules set
    ENGLISH = 7  # the same family name and the same English given name or its short form
    SOUND = 8  # the same name in another script or spelling
    SAME = 9


CONTRADICTIONS = frozenset(each for each in Level if each <= Level.GIVEN_DIFFERS)


def level(one: Name, other: Name, *, least: float = 0.8) -> Level:
    """`least`: normalised Levenshtein similarity from which names count as near, 0 to 1."""
    english = _overlap(one.english, other.english)
    if one.han and other.han:
        found = _han(one, other, least)
        return max(found, Level.NEAR) if found == Level.GIVEN_DIFFERS and _same_given_sound(one, other) else found
    best = Level.DIFFERENT
    compared = False
    for a in one.readings:
        for b in other.readings:
            compared = True
            found = _readings(a, b, english and _beside_the_family(one, other, a[0], b[0]), least)
            if found > best:
                best = found
            if best == Level.SOUND:
                break
    if not compared:
        if english is None:
            return Level.UNKNOWN
        return Level.GIVEN if english else Level.DIFFERENT
    if len(one.words) > 1 < len(other.words) and _spaces_aside(one, other):
        return Level.SAME
    if best == Level.SOUND and _same_letters(one, other):
        return Level.SAME
    if english and (best == Level.DIFFERENT or best == Level.GIVEN_DIFFERS) and not (one.readings and other.readings):
        return Level.GIVEN
    return best


def _same_letters(one: Name, other: Name) -> bool:
    """Both in Latin letters and spelled alike, whatever the order of the words and the spaces in them."""
    if not one.words or not other.words or one.han or other.han:
        return False
    return one.words == other.words or sorted("".join(one.words)) == sorted("".join(other.words))


def _spaces_aside(one: Name, other: Name) -> bool:
    """'amber black well' and 'amber blackwell'; of one word it is not known what it is."""
    return not (one.han or other.han) and "".join(one.words) == "".join(other.words)


def _beside_the_family(one: Name, other: Name, families: Sequence[str], other_families: Sequence[str]) -> bool:
    """Of a name in common: whether it is more than a family name that can be a given name as well, as Thomas is."""
    family = set(families).intersection(other_families)
    if not family:
        return True
    as_family = {lead for word in (*one.words, *other.words) if spelling.sound(word) in family for lead in given_names.group(word)}
    return not as_family or not as_family.issuperset(set(one.english).intersection(other.english))


def _han(one: Name, other: Name, least: float) -> Level:
    a, b = one.han, other.han
    if a == b:
        return Level.SAME if len(a) > 1 and not one.family_only else Level.FAMILY if not one.nick else Level.GIVEN
    if len(a) > len(b):
        one, other, a, b = other, one, b, a
    if one.family_only or other.family_only:
        return Level.FAMILY if b.startswith(a) and one.family_only else Level.DIFFERENT
    if one.nick or other.nick:
        return Level.GIVEN if b.endswith(a) or a in b[1:] else Level.DIFFERENT
    if len(b) > len(a) and b.endswith(a) and len(a) >= len(b) - (other.cut or 2):
        return Level.GIVEN
    if len(b) > len(a) and b.startswith(a) and len(a) == other.cut:
        return Level.FAMILY
    same_family = bool(one.cut and one.cut == other.cut and a[: one.cut] == b[: one.cut])
    if max(len(a), len(b)) > 3 and Levenshtein.normalized_similarity(a, b) >= least:
        return Level.NEAR
    if same_family:
        return Level.GIVEN_DIFFERS
    if one.cut and other.cut and a[one.cut :] == b[other.cut :]:
        return Level.FAMILY_ONLY_DIFFERS
    return Level.DIFFERENT


def _same_given_sound(one: Name, other: Name) -> bool:
    """One family written alike whose given names sound alike: another character was typed."""
    return any(not set(a[1]).isdisjoint(b[1]) for a in one.readings for b in other.readings)


def _readings(a: Reading, b: Reading, english: bool | None, least: float) -> Level:
    (family_a, given_a), (family_b, given_b) = a, b
    families = _overlap(family_a, family_b)
    givens = _overlap(given_a, given_b)
    if families and givens:
        return Level.SOUND
    if families is None or givens is None:
        if _spelled_together(a, b) or _spelled_together(b, a):
            return Level.SOUND
        return _partly(a, b, families, givens, english)
    if families and english:
        return Level.ENGLISH
    if _near(a, b, least, one_family=families):
        return Level.NEAR
    if families:
        return Level.GIVEN_DIFFERS
    return Level.FAMILY_ONLY_DIFFERS if givens else Level.DIFFERENT


# Shorter words are one name, not two.
_TWO_NAMES = 8


def joined(families: Sequence[str], givens: Sequence[str]) -> bool:
    """A reading that is one long word, as accounts are called: it may be family and given name written together."""
    return not (families and givens) and len(families or givens) == 1 and len((families or givens)[0]) >= _TWO_NAMES


def _spelled_together(whole: Reading, apart: Reading) -> bool:
    if not joined(*whole) or not (apart[0] and apart[1]):
        return False
    word = (whole[0] or whole[1])[0]
    return any(word in {family + given, given + family} for family in apart[0] for given in apart[1])


def _partly(a: Reading, b: Reading, families: bool | None, givens: bool | None, english: bool | None) -> Level:
    """One of them lacks a part."""
    if families:
        if english is None:
            return Level.FAMILY
        return Level.ENGLISH if english else Level.GIVEN_DIFFERS
    if givens and families is None:
        return Level.GIVEN
    if families is None and givens is None:
        # 'Chan' beside 'Tai Man': one has only the family name, the other only the given one.
        return Level.GIVEN if english else Level.UNKNOWN if english is None else Level.DIFFERENT
    if families is False and english and givens is None and _close(a[0], b[0], 0.75):
        return Level.NEAR
    return Level.DIFFERENT


def _overlap(a: Sequence[str], b: Sequence[str]) -> bool | None:
    if not a or not b:
        return None
    # Mostly it is the first, or there is but one.
    if a[0] in b:
        return True
    if len(a) > 1:
        for each in a:
            if each in b:
                return True
    return False


def _near(a: Reading, b: Reading, least: float, *, one_family: bool | None) -> bool:
    """Near as a whole, and near in each part: 'Siu Ming' and 'Siu Mei' are two names. `one_family`: they have a family name in common."""
    families, families_b = a[0], b[0]
    if not one_family:
        # Of short names another letter is another name.
        families = [each for each in families if len(each) > 3]
        if not families:
            return False
        families_b = [each for each in families_b if len(each) > 3]
        if not families_b:
            return False
    givens, givens_b = [each for each in a[1] if len(each) > 3], [each for each in b[1] if len(each) > 3]
    if not givens or not givens_b:
        return False
    for family in families:
        for family_b in families_b:
            same = family == family_b
            if not same and (len(family) < 4 or len(family_b) < 4):
                continue
            for given in givens:
                for given_b in givens_b:
                    if not same and family[0] != family_b[0] and given[0] != given_b[0]:
                        continue
                    if Levenshtein.normalized_similarity(given, given_b, score_cutoff=0.7) and Levenshtein.normalized_similarity(
                        family + given, family_b + given_b, score_cutoff=least
                    ):
                        return True
    return False


def _close(a: Sequence[str], b: Sequence[str], least: float) -> bool:
    return any(min(len(x), len(y)) > 3 and Levenshtein.normalized_similarity(x, y) >= least for x in a for y in b)
