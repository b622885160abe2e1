"""Under which keys a contact is found by another that may be the same person. Pure.

A key is a 63-bit hash with its kind in front; contacts that share one are compared. Together the kinds let no two records pass that have
anything to go by: an address, a name in any script or spelling, a purchase with part of a name, a birthday or address with part of a name
or a postal code.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b

from scrm.contacts.matching.name_levels import joined
from scrm.contacts.matching.names import Name
from scrm.contacts.matching.profile import Profile
from scrm.contacts.matching.spelling import latin_surnames


class Kind(IntEnum):
    PHONE = 1
    EMAIL = 2
    ID = 3
    USERNAME = 4
    NAME = 5
    PURCHASE = 6
    BIRTHDAY = 7
    PLACE = 8
    COMPANY = 9
    BASKET = 10
    HOME = 11


# How many contacts a key may have before it says too little to compare them all with one another.
LARGEST = {
    Kind.PHONE: 40, Kind.EMAIL: 40, Kind.ID: 40, Kind.USERNAME: 20, Kind.NAME: 16, Kind.PURCHASE: 8, Kind.BIRTHDAY: 24, Kind.PLACE: 24,
    Kind.COMPANY: 24, Kind.BASKET: 12, Kind.HOME: 12,
}  # fmt: skip
# What is not the kind.
BITS = 58


def key(kind: Kind, text: str) -> int:
    """The kind in the top five bits of 63; always positive."""
    return _hashed([(kind, text)])[0]


def _hashed(texts: Iterable[tuple[int, str]]) -> list[int]:
    hashed, number = blake2b, int.from_bytes
    return [kind << BITS | number(hashed(text.encode(), digest_size=8).digest(), "big") >> (64 - BITS) for kind, text in texts]


_KINDS = {kind.value: kind for kind in Kind}


def kind_of(number: int) -> Kind:
    return _KINDS[number >> BITS]


def keys(profile: Profile) -> frozenset[int]:
    """As they are stored."""
    return frozenset(_hashed([(kind, f"{one}|{other}" if other else one) for kind, one, other in _texts(profile)]))


def here(profile: Profile) -> frozenset[int]:
    """The same for comparing in memory: good for this process and those that are forked from it, and made in a fraction of the time."""
    return frozenset([kind << BITS | hash((one, other)) & _HASH for kind, one, other in _texts(profile)])


_HASH = (1 << BITS) - 1
# A kind as a number; and one text, or two that belong together.
_Text = tuple[int, str, str]
_PHONE, _EMAIL, _ID, _USERNAME, _NAME, _PURCHASE = map(int, (Kind.PHONE, Kind.EMAIL, Kind.ID, Kind.USERNAME, Kind.NAME, Kind.PURCHASE))
_BIRTHDAY, _PLACE, _COMPANY, _BASKET, _HOME = map(int, (Kind.BIRTHDAY, Kind.PLACE, Kind.COMPANY, Kind.BASKET, Kind.HOME))


def _texts(profile: Profile) -> list[_Text]:
    texts = [(_PHONE, each, "") for each in (*profile.phones, *profile.maybe)]
    texts += [(_EMAIL, each, "") for each in profile.emails]
    if profile.ids or profile.usernames:
        texts += [(_ID, each, "") for each in profile.ids]
        texts += [(_USERNAME, each, "") for each in profile.usernames]
    if profile.purchases:
        texts += [(_BASKET, each, "") for each in baskets(profile)]
    if profile.postal_code:
        texts += [(_HOME, profile.postal_code, each) for each in homes(profile)]
    name = profile.name
    if name.empty:
        return texts
    # The name of a stored profile holds lists, which nothing can be remembered by.
    of_name, parts = _of_name(name) if isinstance(name.readings, list) else _of_parsed_name(name)
    texts += of_name
    if profile.skus:
        found = [*parts, *_ends(name)]
        for sku in profile.skus:
            for part in found:
                texts.append((_PURCHASE, sku, part))
    if profile.birthday:
        texts += [(_BIRTHDAY, profile.birthday, each) for each in {part[:3] for part in parts}]
    if profile.address:
        texts += [(_PLACE, profile.address, part) for part in parts]
    if profile.postal_code:
        texts += [(_PLACE, profile.postal_code + "|", part) for part in parts]
    if profile.company:
        texts += [(_COMPANY, profile.company, part) for part in parts]
    return texts


def _of_name(name: Name) -> tuple[list[_Text], list[str]]:
    """The whole name, and its parts."""
    return [(_NAME, each, "") for each in wholes(name)], _parts(name)


# A name of which there are many is gone through once.
_of_parsed_name = lru_cache(maxsize=4096)(_of_name)


def baskets(profile: Profile) -> list[str]:
    """What was bought, names aside: a product on one day, and two products together."""
    days = [f"{sku}@{day}" for sku, day in profile.purchases[:4]]
    skus = sorted({sku for sku, _day in profile.purchases})[:4]
    return [*days, *(f"{one}+{other}" for place, other in enumerate(skus) for one in skus[:place])]


# Of an address so many characters tell the house and the beginning of the street.
_HOUSE = 6


def homes(profile: Profile) -> list[str]:
    """Where somebody lives beside the postal code, names aside: the birthday or the house."""
    house = profile.address.replace(" ", "")[:_HOUSE]
    known = (profile.birthday, house if len(house) == _HOUSE else "")
    return [each for each in known if each]


def _ends(name: Name) -> list[str]:
    """The last character: of a name in full, and of a pet name made of it (阿文)."""
    return ["c" + name.han[-1]] if name.han and not name.family_only and (name.nick or len(name.han) in {2, 3}) else []


# A word that goes on for longer before its second name begins is no name.
_LONGEST_PART = 20


def wholes(name: Name) -> set[str]:
    """The whole name in each of its readings, order and spaces aside."""
    found: set[str] = set()
    for families, givens in name.readings:
        if joined(families, givens):
            # 'takizawaeren', as accounts are called: one word that may be both names, whichever comes first and wherever it ends.
            word = (families or givens)[0]
            found.update(_either_way(word[:cut], word[cut:]) for cut in range(1, min(len(word), _LONGEST_PART)))
        if families and givens:
            # The first spellings belong together: pinyin with pinyin, Hong Kong's with Hong Kong's.
            for family in families[:6]:
                for given in givens[:4]:
                    found.add(_either_way(family, given))
        if name.english and families:
            found.update(f"{lead}+{family}" for family in families[:3] for lead in name.english[:2])
    if len(name.words) > 2 and not name.han:
        # The first or the last word is taken for the family name; it may stand in between.
        found.add(" ".join(sorted(name.words)))
    # Of characters whose reading is not known in full a form may tell it for the one and not for the other.
    if name.han and not name.family_only and len(name.han) > 1 and not (found and all(f and g for f, g in name.readings)):
        found.add(name.han)
    return found


def _either_way(one: str, other: str) -> str:
    """Both in one order. Their letters sorted would be the same for every other name of these letters, and there are many."""
    return min(one + other, other + one)


def _parts(name: Name) -> list[str]:
    """The family name, as the characters that its spelling may stand for, and the given name by sound."""
    found: dict[str, None] = {}
    if name.han and name.cut and not (name.cut == 2 and len(name.han) > 3):
        found["f" + name.han[: name.cut]] = None
    spelled = latin_surnames()
    for families, givens in name.readings:
        if not name.han:
            for family in families[:2]:
                for each in spelled.get(family, ())[:4]:
                    found["f" + each] = None
        for family in families[:2]:
            found["s" + family] = None
        for given in givens[:3]:
            if len(given) > 2:
                found["g" + given] = None
    for lead in name.english[:1]:
        found["g" + lead] = None
    return list(found)[:8]
