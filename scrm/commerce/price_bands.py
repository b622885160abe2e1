"""Sums of money in what customers write, and the band that a sum lies in. Pure.

Only numbers that say that they are money count: 'HK$1,200', 'NT$ 3000', '5000円', '3萬元', '500蚊', 'S$45', '1.5万円', 'USD 20'.
A bare '$', '元' or '塊' is in the currency of the place where the account lives.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

CURRENCIES = {"HK": "HKD", "TW": "TWD", "JP": "JPY", "SG": "SGD", "MO": "MOP", "CN": "CNY", "US": "USD", "MY": "MYR", "TH": "THB"}
_CODES = frozenset({*CURRENCIES.values(), "EUR", "GBP", "KRW", "AUD", "CAD", "RMB"})
_BEFORE = {"hk$": "HKD", "nt$": "TWD", "s$": "SGD", "us$": "USD", "mop$": "MOP", "rm": "MYR", "¥": "", "€": "EUR", "£": "GBP", "$": ""}
_AFTER = {"円": "JPY", "日圓": "JPY", "日元": "JPY", "港幣": "HKD", "港元": "HKD", "蚊": "HKD", "台幣": "TWD", "新台幣": "TWD"}
_AFTER |= {"人民幣": "CNY", "人民币": "CNY", "元": "", "塊": "", "块": "", "文": "HKD", "dollars": "", "bucks": "", "yen": "JPY", "圓": ""}
_TIMES = {"万": 10_000, "萬": 10_000, "千": 1_000, "百": 100, "k": 1_000, "": 1}
_NUMBER = r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d{1,9}(?:\.\d{1,2})?)\s?(?P<times>[万萬千百]|k(?![a-z]))?"


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_LEADS = re.compile(rf"(?<![a-z0-9])(?P<mark>{_any(_BEFORE)}|{_any(code.lower() for code in _CODES)})\s?{_NUMBER}(?![\d%])")
_FOLLOWS = re.compile(rf"(?<![\d.,a-z$¥€£]){_NUMBER}\s?(?P<mark>{_any(_AFTER)}|(?:{_any(code.lower() for code in _CODES)})(?![a-z]))")
# 1-2-5: fine enough to sort customers by, coarse enough to compare them.
_EDGES = (0, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)


class Sum(NamedTuple):
    amount: Decimal
    currency: str


def sums_in(text: str, country: str = "") -> list[Sum]:
    """The sums that a text names, in its order. `country`: where the account lives, two letters."""
    folded = unicodedata.normalize("NFKC", text).lower()
    hits = [*_LEADS.finditer(folded), *_FOLLOWS.finditer(folded)]
    found: list[Sum] = []
    reached = 0
    for hit in sorted(hits, key=lambda each: (each.start(), -each.end())):
        if hit.start() >= reached:
            reached = hit.end()
            amount = Decimal(hit["number"].replace(",", "")) * _TIMES[hit["times"] or ""]
            found.append(Sum(amount, _currency(hit["mark"], country)))
    return [each for each in found if each.amount > 0 and each.currency]


def _currency(mark: str, country: str) -> str:
    if mark.upper() in _CODES:
        return "CNY" if mark == "rmb" else mark.upper()
    known = {**_BEFORE, **_AFTER}.get(mark, "")
    local = CURRENCIES.get(country.upper(), "")
    if mark == "¥":
        return "CNY" if local == "CNY" else "JPY"
    return known or local


def band_of(sum_: Sum) -> str:
    """'HKD 500-999': the currency and both ends of the band, the upper one included; 'HKD 1000000+' at the top."""
    place = bisect_right(_EDGES, sum_.amount) - 1
    low = _EDGES[place]
    return f"{sum_.currency} {low}-{_EDGES[place + 1] - 1}" if place + 1 < len(_EDGES) else f"{sum_.currency} {low}+"
