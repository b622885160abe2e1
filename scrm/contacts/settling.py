"""Which country a number without country code belongs to, weighed from what else is known of the person. Pure: no Django.

A number is only settled when, against every other reading, at least two independent pieces of evidence speak for it, they outweigh what
speaks for the other by `ENOUGH`, and nothing of weight speaks for the other; one piece is enough when the person wrote to us from that
number. All else is asked. A weight is about the logarithm of how much likelier the evidence is in its own country than in another; the
figures were set by hand and are held by a test and a benchmark over labelled files, with no wrong assignment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scrm.contacts import phone
from scrm.contacts.places import place_of, region_of_language, script_of

ENOUGH = 4.5
AGAINST = 1.0
DECISIVE = 6.0

WEIGHTS = {"replied": DECISIVE, "replied_alike": DECISIVE, "delivered": 2.0, "country": 3.0, "address": 2.5, "language": 2.0}
WEIGHTS |= {"kana": 2.5, "script": 1.5, "surname": 1.5, "origin": 2.0, "origin_mostly": 1.0, "connection": 1.0, "mobile": 0.7}
LEAST_ORIGIN = 20

_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
# Spellings of surnames that are at home in one place and rare in the others.
_SURNAMES = {
    "HK": "au chan cheung chow chu chui fung hui kwok kwong lai lau leung lui mak ng ngai pang poon siu sze "
    "szeto to tse tsang tsui wong yeung yip yiu yuen",
    "SG": "tan lim goh koh teo toh ong seah chua quek yeo neo tay heng muhammad mohamed ahmad nair kumar rajan singh abdullah rahman",
    "TW": "hsieh hsu tsai chiang hsiao hsiung hsueh chuang chien liao",
    "JP": "sato suzuki takahashi tanaka watanabe ito yamamoto nakamura kobayashi kato yoshida yamada sasaki "
    "yamaguchi matsumoto inoue kimura",
    "MO": "rodrigues da silva fernandes",
}  # fmt: skip
_AT_HOME = {region: frozenset(words.split()) for region, words in _SURNAMES.items()}
_CANTONESE = frozenset({"HK", "MO"})
_TRADITIONAL = frozenset({"HK", "TW", "MO"})
_SIMPLIFIED = frozenset({"CN", "SG", "MY"})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside the number. `origin`: how many numbers of the same import or connection belong to each country for certain.

    `replied`: candidates from which this contact wrote; `alike`: candidates from which somebody of the same name wrote, who is a contact
    of their own; `delivered`: candidates at which a message to this contact arrived.
    """

    name: str = ""
    country: str = ""
    language: str = ""
    address: str = ""
    connection: str = ""
    origin: Mapping[str, int] = field(default_factory=dict)
    replied: frozenset[str] = frozenset()
    alike: frozenset[str] = frozenset()
    delivered: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece: it speaks for the numbers in `numbers`, and against the other candidates."""

    code: str
    numbers: frozenset[str]
    weight: float
    seen: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "for": sorted(self.numbers), "weight": self.weight, "with": {"seen": self.seen}}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`chosen` is "" when a person must be asked; `evidence` is what was weighed either way."""

    chosen: str
    evidence: tuple[Evidence, ...] = ()


def settle(candidates: Sequence[str], known: Known) -> Verdict:
    """Weigh what is known of a number that may be any of `candidates` (E.164)."""
    evidence = tuple(weigh(candidates, known))
    chosen = [one for one in candidates if all(_beats(one, other, evidence) for other in candidates if other != one)]
    return Verdict(chosen[0] if len(chosen) == 1 and len(candidates) > 1 else "", evidence)


def _beats(one: str, other: str, evidence: Sequence[Evidence]) -> bool:
    pros = [piece for piece in evidence if one in piece.numbers and other not in piece.numbers]
    cons = [piece for piece in evidence if other in piece.numbers and one not in piece.numbers]
    if any(piece.weight >= DECISIVE for piece in (*pros, *cons)):
        return not any(piece.weight >= DECISIVE for piece in cons)
    against = sum(piece.weight for piece in cons)
    return len(pros) >= 2 and sum(piece.weight for piece in pros) - against >= ENOUGH and against < AGAINST


def weigh(candidates: Sequence[str], known: Known) -> list[Evidence]:
    """All evidence that tells some candidates from others."""
    regions = {number: phone.region_of(number) for number in candidates}
    pieces: list[tuple[str, set[str], str]] = [
        ("replied", {n for n in candidates if n in known.replied}, ""),
        ("replied_alike", {n for n in candidates if n in known.alike}, ""),
        ("delivered", {n for n in candidates if n in known.delivered}, ""),
        ("country", _of(regions, {known.country.upper()}), known.country),
        ("address", _of(regions, place_of(known.address)), known.address[:60]),
        ("language", _of(regions, region_of_language(known.language)), known.language),
        ("connection", _of(regions, {known.connection.upper()}), known.connection),
        ("mobile", {n for n in candidates if phone.is_mobile(n)}, ""),
        _name(regions, known.name),
        _origin(regions, known.origin),
    ]
    made = [Evidence(code, frozenset(numbers), WEIGHTS[code], seen) for code, numbers, seen in pieces if code]
    return [piece for piece in made if piece.numbers and len(piece.numbers) < len(candidates)]


def _of(regions: Mapping[str, str], wanted: frozenset[str] | set[str]) -> set[str]:
    return {number for number, region in regions.items() if region in wanted}


def _name(regions: Mapping[str, str], name: str) -> tuple[str, set[str], str]:
    """What the script and the spelling of a name say of where somebody lives."""
    if _KANA.search(name):
        return "kana", _of(regions, {"JP"}), name[:60]
    if _HAN.search(name):
        script = script_of(name)
        home = {"traditional": _TRADITIONAL | {"JP"}, "simplified": _SIMPLIFIED}.get(script)
        return ("script", _of(regions, home), name[:60]) if home else ("", set(), "")
    words = set(re.findall(r"[a-z]+", name.casefold()))
    homes = {region for region, surnames in _AT_HOME.items() if words & surnames}
    homes |= _CANTONESE if homes & _CANTONESE else set()
    return "surname", _of(regions, homes), name[:60]


def _origin(regions: Mapping[str, str], counts: Mapping[str, int]) -> tuple[str, set[str], str]:
    """Where the numbers with country code from the same file or CRM are."""
    total = sum(counts.values())
    if total < LEAST_ORIGIN:
        return "", set(), ""
    region, most = max(counts.items(), key=lambda item: (item[1], item[0]))
    share = most / total
    if share < 0.8:
        return "", set(), ""
    return ("origin" if share >= 0.95 else "origin_mostly"), _of(regions, {region}), f"{region} {share:.0%}"
