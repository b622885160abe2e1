"""What speaks for and against two contacts being one person, and what it comes to in log odds. Pure, symmetric.

Evidence is a list of (code, how much of it, values to show). The score is the weights' sum put through the logistic function; the
weights are log odds, so each line of evidence says how far it moves the verdict. Codes are worded by `words`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rapidfuzz.distance import OSA, Levenshtein

from scrm.contacts.matching import rarity
from scrm.contacts.matching.name_levels import CONTRADICTIONS, Level
from scrm.contacts.matching.profile import Profile, is_fixed_line, is_role
from scrm.contacts.matching.rarity import Frequencies

Item = tuple[str, float, dict[str, Any]]


NAME_CODES = [f"name_{each.name.lower()}" for each in Level]
# Who has an address in common has it not by chance, however common the names are.
IN_COMMON = frozenset({"same_phone", "same_fixed_line", "possible_phone", "shared_phone", "same_email", "shared_email", "same_id"})


def phones(found: list[Item], a: Profile, b: Profile, crowded: frozenset[str]) -> None:
    mine, theirs = a.phones, b.phones
    if same := _common(mine, theirs):
        several = same in a.shared or same in b.shared or same in crowded
        found.append(("shared_phone" if several else "same_fixed_line" if is_fixed_line(same) else "same_phone", 1.0, {"value": same}))
        return
    if (a.maybe or b.maybe) and (maybe := _common((*mine, *a.maybe), (*theirs, *b.maybe))):
        found.append(("shared_phone" if maybe in crowded else "possible_phone", 1.0, {"value": maybe}))
        return
    if not mine or not theirs:
        return
    for one in mine:
        for other in theirs:
            if one[:4] == other[:4] and len(one) == len(other) and OSA.distance(one, other, score_cutoff=1) <= 1:
                found.append(("near_phone", 1.0, {"value": one, "other": other}))
                return
    found.append(("different_phone", 1.0, {}))


def emails(found: list[Item], a: Profile, b: Profile, alike: Level, crowded: frozenset[str]) -> None:
    mine, theirs = a.emails, b.emails
    if same := _common(mine, theirs):
        found.append(("shared_email" if is_role(same) or same in crowded else "same_email", 1.0, {"value": same}))
        return
    # Where the names are alike in full already, an address made of one of them says nothing more.
    if alike < Level.SOUND and (_mail_names(a, b) or _mail_names(b, a)):
        found.append(("email_says_name", 1.0, {}))
    if not mine or not theirs:
        return
    for one in mine:
        for other in theirs:
            if _near_email(one, other):
                found.append(("near_email", 1.0, {"value": one, "other": other}))
                return
    found.append(("different_email", 1.0, {}))


# Of one mailbox with two providers, so much of the address is another.
_OTHER_PROVIDER = 6


def _near_email(one: str, other: str) -> bool:
    (local, _, domain), (local_b, _, domain_b) = one.partition("@"), other.partition("@")
    if min(len(local), len(local_b)) < 6:
        return False
    if local == local_b:
        return OSA.distance(one, other, score_cutoff=_OTHER_PROVIDER) <= _OTHER_PROVIDER
    if domain != domain_b or OSA.distance(local, local_b, score_cutoff=1) > 1:
        return False
    return [char for char in local if char.isdigit()] == [char for char in local_b if char.isdigit()]


def _mail_names(a: Profile, b: Profile) -> bool:
    """Whether a's e-mail spells b's whole name, where a's own name is not already what says so."""
    if not a.mail_words:
        return False
    whole = "".join(a.mail_words)
    for families, givens in b.name.readings:
        for family in families:
            if len(family) < 2 or family not in whole:
                continue
            rest = [*givens, *b.name.english]
            if any(len(given) > 2 and (given in a.mail_words or given in whole) for given in rest):
                return True
    return False


def accounts(found: list[Item], a: Profile, b: Profile) -> None:
    if a.ids and b.ids:
        found.append(_ids(a, b))
    if same := _common(a.usernames, b.usernames):
        found.append(("same_username", 1.0, {"value": same}))
    if a.user_ids and b.user_ids:
        mine = {scope: value for scope, value in a.user_ids}  # noqa: C416 - they may be lists
        if any(scope in mine and mine[scope] != value for scope, value in b.user_ids):
            found.append(("different_user_id", 1.0, {}))


def _ids(a: Profile, b: Profile) -> Item:
    same = _common(a.ids, b.ids)
    if same:
        return ("same_id", 1.0, {"value": same})
    for one in a.ids:
        for other in b.ids:
            if len(one) > 4 and len(other) > 4 and OSA.distance(one, other, score_cutoff=2) <= 2:
                return ("near_id", 1.0, {"value": one, "other": other})
    return ("different_id", 1.0, {})


_LONG, _QUARTER = 60, 90
# What one bought and the other did not, up to so many products: regular customers buy something else each time.
_ENOUGH = 3


def purchases(found: list[Item], a: Profile, b: Profile, most_days: int) -> dict[str, int]:
    """What both bought within so many days, and how many lay between."""
    close: dict[str, int] = {}
    if not a.skus.isdisjoint(b.skus):
        for sku, day in a.purchases:
            for other, other_day in b.purchases:
                if sku == other and abs(day - other_day) <= most_days:
                    close[sku] = min(abs(day - other_day), close.get(sku, most_days))
    rest = min(len(a.skus), len(b.skus), len(close) + _ENOUGH) - len(close)
    if not close:
        found.append(("no_purchase_in_common", float(rest), {}))
        return close
    sku, days = min(close.items(), key=lambda pair: (pair[1], pair[0]))
    found.append(("same_sku", 1.0, {"sku": sku, "days": days}))
    if len(close) > 1:
        found.append(("more_skus", float(min(len(close) - 1, 2)), {"count": len(close)}))
    if rest > 0:
        found.append(("other_purchases", float(rest), {}))
    if days == 0:
        found.append(("same_day", 1.0, {"sku": sku}))
    else:
        # Little at first, and the more the further; beyond a quarter, which a shop may let count as well, no more.
        found.append(("days_apart", (min(days, _QUARTER) / _LONG) ** 2, {"days": days}))
    return close


def by_others(found: list[Item], close: Iterable[str], known: Frequencies) -> None:
    """How many others bought the same."""
    others = rarity.buyers(close, known)
    if others > 0:
        found.append(("sku_common", others, {"contacts": round(2**others)}))


def facts(found: list[Item], a: Profile, b: Profile) -> None:
    born = street = ""
    if a.birthday and b.birthday:
        born = _birthdays(a.birthday, b.birthday)
        found.append((born, 1.0, {"value": a.birthday, "other": b.birthday}))
    if a.company and b.company:
        same = a.company == b.company or Levenshtein.normalized_similarity(a.company, b.company) >= 0.85
        found.append(("same_company" if same else "different_company", 1.0, {}))
    if a.address and b.address:
        street = _addresses_alike(a.address, b.address)
        found.append((street, 1.0, {}))
    if a.postal_code and b.postal_code:
        found.append(("same_postal_code" if a.postal_code == b.postal_code else "different_postal_code", 1.0, {}))
    if born == "same_birthday" and (street in _STREETS or (a.postal_code and a.postal_code == b.postal_code)):
        # More than their sum: of one family twins alone have a birthday in common as well.
        found.append(("birthday_and_home", 1.0, {}))
    if a.city and b.city:
        if _same_city(a.city, b.city):
            found.append(("same_city", 1.0, {}))
        elif street not in _STREETS:
            # Of one street people name the district or the city, the old name or the new one.
            found.append(("different_city", 1.0, {}))
    if a.name.gender and b.name.gender and a.name.gender != b.name.gender:
        found.append(("different_gender", 1.0, {}))


def countries(found: list[Item], a: Profile, b: Profile, known: Frequencies) -> None:
    """Where both say it, that; else as their numbers say."""
    if a.country and b.country and a.country != b.country:
        found.append(("different_country", 1.0, {"value": a.country, "other": b.country}))
        return
    mine, theirs = a.countries, b.countries
    if not mine or not theirs:
        return
    same = mine if mine == theirs else [each for each in mine if each in theirs]
    if not same:
        found.append(("number_of_another_country", 1.0, {}))
        return
    rare = min(rarity.countrymen(same, known), _RARE_COUNTRY)
    if rare > _COMMON_COUNTRY:
        found.append(("same_country", rare, {}))


# In halvings of all contacts: where nearly everybody is of one country it says nothing; one of a sixteenth says as much as one says.
_COMMON_COUNTRY, _RARE_COUNTRY = 0.2, 4.0


_STREETS = frozenset({"same_address", "near_address"})


def _addresses_alike(one: str, other: str) -> str:
    """As it is written, with its words in one order, as house, street and building stand in any, and as far as both tell it."""
    likeness = Levenshtein.normalized_similarity(one, other)
    if likeness < 0.95:
        likeness = max(likeness, Levenshtein.normalized_similarity(_in_order(one), _in_order(other)))
    if likeness >= 0.95:
        return "same_address"
    return "near_address" if likeness >= 0.7 or _begins_alike(one, other) else "different_address"


_HOUSE_AND_STREET = 12


def _begins_alike(one: str, other: str) -> bool:
    """The same house, where one goes on to name the building, the floor or the quarter."""
    shorter, longer = sorted((one.replace(" ", ""), other.replace(" ", "")), key=len)
    if len(shorter) < 8 or not any(char.isdigit() for char in shorter):
        return False
    if shorter[0].isdigit():
        # House and street come first, so both may go on, each in its own way.
        shorter = shorter[:_HOUSE_AND_STREET]
    return Levenshtein.normalized_similarity(shorter, longer[: len(shorter)]) >= 0.85


def _in_order(text: str) -> str:
    return " ".join(sorted(text.split()))


def _same_city(one: str, other: str) -> bool:
    """Long names also when a letter or a space is wrong; of short ones another letter is another city."""
    if one == other:
        return True
    one, other = one.replace(" ", ""), other.replace(" ", "")
    return min(len(one), len(other)) > 5 and Levenshtein.normalized_similarity(one, other) >= 0.8


def _birthdays(one: str, other: str) -> str:
    if one == other:
        return "same_birthday"
    year, month, day = one.split("-")
    if (year, day, month) == tuple(other.split("-")) or OSA.distance(one, other) <= 1:
        return "near_birthday"
    return "different_birthday"


def names_on_addresses(found: list[Item], alike: Level) -> None:
    """What a name and an address in common say together beyond their sum."""
    codes = {code for code, _, _ in found}
    if alike <= Level.GIVEN_DIFFERS:
        if not codes.isdisjoint(_ON_NUMBER):
            found.append(("another_name_on_number", 1.0, {}))
        if not codes.isdisjoint(_ON_EMAIL):
            found.append(("another_name_on_email", 1.0, {}))
    if "shared_phone" in codes and alike >= Level.NEAR:
        found.append(("name_on_shared_phone", 1.0, {}))


_ON_NUMBER = frozenset({"same_phone", "same_fixed_line", "shared_phone", "possible_phone"})
_ON_EMAIL = frozenset({"same_email", "shared_email"})


def score(items: Iterable[Item], weights: Mapping[str, float]) -> float:
    """The probability that both are one person."""
    return logistic(_sum(items, weights))


def _sum(items: Iterable[Item], weights: Mapping[str, float]) -> float:
    total = weights.get("bias", 0.0)
    for code, amount, _ in items:
        total += weights.get(code, 0.0) * amount
    return total


def log_odds(probability: float) -> float:
    """The other way round, within what a float tells apart."""
    held = min(max(probability, 1e-12), 1 - 1e-12)
    return math.log(held / (1 - held))


def logistic(total: float) -> float:
    return 1.0 / (1.0 + math.exp(-total)) if total > -60 else 0.0


def as_json(items: Sequence[Item], weights: Mapping[str, float]) -> list[dict[str, Any]]:
    """As candidates store it, what moves the verdict most first. `n`: how much of it, where that is not 1."""
    weighed = [(code, amount, weights.get(code, 0.0) * amount, shown) for code, amount, shown in items]
    weighed.sort(key=lambda line: (-abs(line[2]), line[0]))
    return [
        {"code": code, "for": weight > 0, "weight": round(weight, 2), "with": shown} | ({} if amount == 1.0 else {"n": round(amount, 3)})
        for code, amount, weight, shown in weighed
    ]


def in_order(stored: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stored evidence of several sources, what moves the verdict most first."""
    return sorted(stored, key=lambda line: (-abs(line["weight"]), line["code"]))


def amounts(stored: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Stored evidence as features: code -> amount."""
    return {str(line["code"]): float(line.get("n", 1.0)) for line in stored}


# Whoever contradicts in one of these is never put in one cluster by others' evidence, nor proposed for merging.
STRONG_CONTRADICTIONS = frozenset(
    {
        "different_birthday",
        "different_user_id",
        "different_gender",
        "another_name_on_number",
        "another_name_on_email",
        "shared_phone",
        "shared_email",
    }
)


# From here on other evidence outweighs a contradiction: the pair is shown with all that hangs together with it, never proposed.
ALL_THE_SAME = 0.9


def contradicts(codes: Iterable[str]) -> bool:
    """Whether two can be one person only if a person says so: never brought together by what third ones have in common.

    Other names do not: nicknames and married names differ, and what that says is in the score.
    """
    return not _CONTRADICTING.isdisjoint(codes)


_CONTRADICTING = frozenset({"different_birthday", "different_user_id", "different_gender"})
_NAMES_APART = frozenset(f"name_{each.name.lower()}" for each in CONTRADICTIONS)


def surely_one(codes: Iterable[str]) -> bool:
    """Whether two that are likely enough count as one person when others are judged: nothing contradicts, and no address that several
    people have is part of it."""
    told = set(codes)
    if told & _HALF_A_NAME and told & _FAMILIES_SHARE:
        return False
    if "same_fixed_line" in told and told.isdisjoint(_ONES_OWN):
        return False
    return STRONG_CONTRADICTIONS.isdisjoint(told) and _NAMES_APART.isdisjoint(told)


def may_propose(codes: Iterable[str]) -> bool:
    """Whether merging may be proposed at all: surely one, and what joins them is more than a name and something in doubt."""
    told = set(codes)
    if told.isdisjoint(_ONES_OWN):
        doubtful = "possible_phone" in told or told >= _ONE_PHONE_TWO_MAILBOXES
    else:
        doubtful = not told.isdisjoint(_OTHER_ADDRESSES) and told.isdisjoint(_MORE_THAN_A_PRODUCT)
    return surely_one(told) and not doubtful


# A family has one number and one surname, and brothers' names are often nearly alike: a person has to look.
_HALF_A_NAME = frozenset({"name_family", "name_near"})
_FAMILIES_SHARE = frozenset({"same_phone", "same_fixed_line", "possible_phone", "same_email", "same_address"})


# A number that can be read in two ways is asked about, not guessed; and who has one number and two e-mail addresses may be two: a relative
# of the same name, or the number's next owner.
_ONE_PHONE_TWO_MAILBOXES = frozenset({"same_phone", "different_email"})
# Namesakes buy the same product, each on a day of their own: of 1,738 pairs of invented contacts that were joined by a name and one product
# while an address differed, 60 were two people, and 40 of the 10,309 others that were joined by purchases.
_OTHER_ADDRESSES = frozenset({"different_phone", "different_email"})


# A fixed line is a household's or a company's: it takes something of the person's own to say that two who have it are one.
_ONES_OWN = frozenset({"same_email", "same_id", "same_username", "same_birthday", "same_sku"})
_MORE_THAN_A_PRODUCT = IN_COMMON | (_ONES_OWN - {"same_sku"}) | {"same_day", "more_skus", "same_company", "same_address"}


def _common(one: Sequence[str], other: Sequence[str]) -> str:
    if not one or not other:
        return ""
    first = one[0]
    if first in other:
        return first
    if len(one) > 1:
        for each in one:
            if each in other:
                return each
    return ""
