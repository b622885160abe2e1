"""A file of numbers with a known truth: HK, SG, TW, JP and MO (some CN and US) in every spelling that people and spreadsheets make.

Mobiles, fixed lines, freephone and internet telephony; numbers that lost their last digits, also where a spreadsheet put zeros in
their place; numbers as they were before a digit was put in front.

Deterministic for a seed. Numbers are drawn from each country's ranges for mobiles and fixed lines as the library knows them. What is
known beside a number (country column, city, name, language) is right as often as in real files: each may be missing or wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import phonenumbers
from phonenumbers import PhoneNumberFormat

BUSINESS = ("HK", "SG", "TW", "JP", "MO")
SHARES = {"HK": 34, "SG": 18, "TW": 22, "JP": 18, "MO": 4, "CN": 2, "US": 2}
CODES = {"HK": "852", "SG": "65", "TW": "886", "JP": "81", "MO": "853", "CN": "86", "US": "1"}
FULL_WIDTH = str.maketrans("0123456789+-() ", "０１２３４５６７８９＋－（）　")
# How numbers begin, without the leading zero, and how many digits they have: mobiles; fixed lines; freephone and internet telephony.
MOBILE = {"HK": "5:8 6:8 9:8", "SG": "8:8 9:8", "TW": "9:9", "JP": "70:10 80:10 90:10", "MO": "6:8", "CN": "13:11", "US": "415:10"}
FIXED = {
    "HK": "2:8 3:8", "SG": "6:8", "TW": "2:9 4:9 3:8 7:8", "JP": "3:9 6:9 52:9 92:9", "MO": "28:8 8:8", "CN": "10:10", "US": "202:10"
}  # fmt: skip
OTHER = {"HK": "800:9", "SG": "3:8 1800:11", "TW": "800:9 70:10", "JP": "50:10 120:9 800:10", "MO": "28:8", "CN": "10:10", "US": "800:10"}
# What is dialled before a country code there.
DIALLED = {"HK": "001", "SG": "001", "TW": "002", "JP": "010", "MO": "00", "CN": "00", "US": "00"}

NAMES = {
    "HK": ["陳大文", "Chan Tai Man", "黃詠詩", "Wong Wing Sze", "Cheung Ka Ming", "梁家輝", "Leung Ka Fai"],
    "SG": ["Tan Wei Ling", "Lim Jun Jie", "Muhammad Faizal", "Goh Mei Hui", "陈伟强", "Priya Nair", "Koh Boon Keng"],
    "TW": ["林怡君", "張雅婷", "Chen Yi-Chun", "黃志明", "Hsieh Ya-Ting", "蔡佩珊"],
    "JP": ["佐藤 さくら", "タナカ ハナコ", "鈴木一郎", "Yamada Taro", "高橋 まり子", "山本 健太"],
    "MO": ["何詠恩", "Ho Weng Ian", "José Rodrigues", "梁志強"],
    "CN": ["王伟", "李娜", "张静"],
    "US": ["Emily Carter", "James Miller"],
}
CITIES = {
    "HK": ["Kowloon", "九龍旺角", "香港中環", "Tsuen Wan, N.T."],
    "SG": ["Singapore", "Blk 12 Ang Mo Kio Ave 3", "Singapore 560012"],
    "TW": ["台北市信義區", "Taipei", "高雄市", "新北市板橋區"],
    "JP": ["東京都渋谷区", "Tokyo", "大阪市北区", "横浜市"],
    "MO": ["澳門半島", "Taipa, Macau"],
    "CN": ["上海市", "Shenzhen"],
    "US": ["San Francisco, CA", "New York"],
}
LANGUAGES = {"HK": "zh-HK", "SG": "en-SG", "TW": "zh-TW", "JP": "ja", "MO": "zh-MO", "CN": "zh-CN", "US": "en-US"}
COUNTRY_WORDS = {"HK": "香港", "SG": "Singapore", "TW": "台灣", "JP": "日本", "MO": "Macau", "CN": "中国", "US": "USA"}


@dataclass(frozen=True)
class Row:
    """`truth` is E.164; "" when the spelling holds no number any more. `spelling` names how `raw` came about."""

    raw: str
    truth: str
    region: str
    spelling: str
    national: bool
    known: dict[str, str] = field(default_factory=dict)


def draw(rng: random.Random, region: str) -> phonenumbers.PhoneNumber:
    """A valid number of the region, mobile four times of five."""
    while True:
        kind = rng.choices((MOBILE, FIXED, OTHER), (80, 16, 4))[0]
        start, _, length = rng.choice(kind[region].split()).partition(":")
        digits = start + "".join(rng.choice("0123456789") for _ in range(int(length) - len(start)))
        number = phonenumbers.PhoneNumber(country_code=int(CODES[region]), national_number=int(digits))
        if phonenumbers.is_valid_number(number) and phonenumbers.region_code_for_number(number) == region:
            return number


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _local(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)


def _world(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def _bare(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _trunk(number: phonenumbers.PhoneNumber, opening: str, closing: str) -> str:
    """'+81 (0)90-…' and '+886 0912…' where the country has a leading zero."""
    local = _local(number)
    code = f"+{number.country_code} "
    return code + f"{opening}0{closing}" + local.lstrip("0") if local.startswith("0") else code + local


def _brackets(digits: str) -> str:
    return f"({digits[:4]}) {digits[4:]}" if len(digits) <= 8 else f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"


def _other(region: str, rng: random.Random) -> str:
    return rng.choice([each for each in BUSINESS if each != region])


def _pairs(digits: str) -> str:
    return " ".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def _short(number: phonenumbers.PhoneNumber, region: str, rng: random.Random) -> str:
    """As numbers were before a digit was put in front: Hong Kong and Singapore had seven, Taipei's had seven behind the 02."""
    digits = str(number.national_number)
    if region == "TW":
        return f"(02) {rng.choice('37')}{digits[-6:-4]}-{digits[-4:]}"
    return f"{digits[-7:-4]}-{digits[-4:]}"


Spell = Callable[[phonenumbers.PhoneNumber, str, random.Random], str]
# name: (does it hold the country, how it is written)
SPELLINGS: dict[str, tuple[bool, Spell]] = {
    "e164": (True, lambda n, r, g: _e164(n)),
    "spaced": (True, lambda n, r, g: _world(n)),
    "dotted": (True, lambda n, r, g: _world(n).replace(" ", ".").replace("-", ".")),
    "00": (True, lambda n, r, g: "00" + _bare(_e164(n))),
    "00 spaced": (True, lambda n, r, g: "00 " + _world(n).lstrip("+")),
    "+00": (True, lambda n, r, g: "+00" + _bare(_e164(n))),
    "bracketed code": (True, lambda n, r, g: f"(+{n.country_code}) " + _world(n).split(" ", 1)[1]),
    "trunk in brackets": (True, lambda n, r, g: _trunk(n, "(", ")")),
    "trunk kept": (True, lambda n, r, g: _trunk(n, "", "")),
    "full width": (True, lambda n, r, g: _world(n).translate(FULL_WIDTH)),
    "tel:": (True, lambda n, r, g: "tel:" + phonenumbers.format_number(n, PhoneNumberFormat.RFC3966).removeprefix("tel:")),
    "label": (True, lambda n, r, g: g.choice(["Tel: ", "電話：", "手機 ", "Mobile ", "WhatsApp: ", "携帯 "]) + _world(n)),
    "apostrophe": (True, lambda n, r, g: "'" + _e164(n)),
    "formula": (True, lambda n, r, g: f'="{_e164(n)}"'),
    "lost plus": (True, lambda n, r, g: _bare(_e164(n))),
    "lost plus, decimal": (True, lambda n, r, g: _bare(_e164(n)) + ".0"),
    "lost plus, thousands": (True, lambda n, r, g: f"{int(_bare(_e164(n))):,}"),
    "science in full": (True, lambda n, r, g: (lambda d: f"{d[0]}.{d[1:]}E+{len(d) - 1}")(_bare(_e164(n)))),
    "extension": (True, lambda n, r, g: _world(n) + g.choice([" ext. 12", " x8", " #203", " 內線 12", " 分機 8", " 内線7"])),
    "invisible": (True, lambda n, r, g: "\u202a" + _world(n).replace(" ", "\u00a0") + "\u202c"),
    "O for 0": (True, lambda n, r, g: _world(n).replace("0", g.choice("Oo"))),
    "l for 1": (True, lambda n, r, g: "+" + _world(n)[1:].replace("1", g.choice("lI"))),
    "country in words": (True, lambda n, r, g: f"{_local(n)} ({COUNTRY_WORDS[r]})"),
    "twice in one cell": (True, lambda n, r, g: f"{_e164(n)} / {_world(n)}"),
    "code in brackets": (True, lambda n, r, g: f"({n.country_code}) " + _world(n).split(" ", 1)[1]),
    "code apart": (True, lambda n, r, g: f"{n.country_code}-" + _world(n).split(" ", 1)[1]),
    "00 and brackets": (True, lambda n, r, g: f"00({n.country_code})" + _world(n).split(" ", 1)[1]),
    "dialled there": (True, lambda n, r, g: DIALLED[_other(r, g)] + "-" + _world(n).lstrip("+")),
    "slashes": (True, lambda n, r, g: "+" + "/".join(_world(n).lstrip("+").replace("-", " ").split())),
    "full-width dashes": (True, lambda n, r, g: _world(n).replace(" ", "－").translate(FULL_WIDTH)),
    "long dashes": (True, lambda n, r, g: _world(n).replace(" ", g.choice(["–", "—", "‐", "ー", "・"]))),
    "tabs and line ends": (True, lambda n, r, g: "\t" + _world(n) + g.choice(["\n", "\r\n", " \t"])),
    "science in full, small": (True, lambda n, r, g: (lambda d: f"{d[0]},{d[1:]}e+{len(d) - 1}")(_bare(_e164(n)))),
    "a word behind": (True, lambda n, r, g: _world(n) + g.choice([" (WhatsApp)", " mobile", "（携帯）", " (手機)", " [HP]", " (office)"])),
    "extension, more": (True, lambda n, r, g: _world(n) + g.choice([";ext=12", " Ext.12", " extension 203", " 轉 12", "（内線12）"])),
    "switchboard": (True, lambda n, r, g: _world(n) + "/" + g.choice(["8", "68", "9"])),
    "local": (False, lambda n, r, g: _local(n)),
    "local bare": (False, lambda n, r, g: _bare(_local(n))),
    "local brackets": (False, lambda n, r, g: _brackets(_bare(_local(n)))),
    "local full width": (False, lambda n, r, g: _local(n).translate(FULL_WIDTH)),
    "local decimal": (False, lambda n, r, g: str(n.national_number) + ".0"),
    "local slashes": (False, lambda n, r, g: _local(n).replace(" ", "/").replace("-", "/")),
    "local full-width brackets": (False, lambda n, r, g: _brackets(_bare(_local(n))).translate(FULL_WIDTH)),
    "local long dashes": (False, lambda n, r, g: _local(n).replace(" ", "–").replace("-", "–")),
    "local pairs": (False, lambda n, r, g: _pairs(_bare(_local(n)))),
    "local label": (False, lambda n, r, g: g.choice(["Tel. ", "TEL:", "電話番号：", "聯絡電話 ", "HP: ", "Mob. "]) + _local(n)),
    "lost zero, spaced": (False, lambda n, r, g: _local(n).lstrip("0")),
    "lost zero": (False, lambda n, r, g: str(n.national_number)),
    "local dots": (False, lambda n, r, g: _local(n).replace(" ", ".").replace("-", ".")),
    "local thousands": (False, lambda n, r, g: f"{n.national_number:,}"),
    "local apostrophe": (False, lambda n, r, g: "'" + _bare(_local(n))),
    "local O for 0": (False, lambda n, r, g: _bare(_local(n)).replace("0", "O")),
    "local extension": (False, lambda n, r, g: _local(n) + " ext 5"),
}  # fmt: skip
DESTROYED: dict[str, Spell] = {
    "science": lambda n, r, g: f"{float(_bare(_e164(n))):.{g.choice([2, 3, 5])}E}",
    "science, comma": lambda n, r, g: f"{float(_bare(_e164(n))):.5E}".replace(".", ","),
    "science, spaced": lambda n, r, g: f" {float(_bare(_e164(n))):.5e} ",
    "science, saved again": lambda n, r, g: str(int(float(f"{float(_bare(_e164(n))):.5E}"))),
    "science, saved again as a decimal": lambda n, r, g: f"{float(f'{float(_bare(_e164(n))):.5E}'):.1f}",
    "old, a digit short": lambda n, r, g: _short(n, r, g),
    "cut off": lambda n, r, g: _e164(n)[:-2],
    "words": lambda n, r, g: g.choice(["n/a", "ask later", "電話なし", "-", "WhatsApp only"]),
    "too short": lambda n, r, g: str(n.national_number)[:5],
}


def known_beside(rng: random.Random, region: str) -> dict[str, str]:
    """What the file says of the person; each column is empty half of the time, and wrong now and then by itself."""
    known: dict[str, str] = {}
    columns: list[tuple[str, float, float, Callable[[str], str]]] = [
        ("name", 0.95, 0.02, lambda r: rng.choice(NAMES[r])),
        ("country", 0.55, 0.015, lambda r: r),
        ("address", 0.5, 0.02, lambda r: rng.choice(CITIES[r])),
        ("language", 0.4, 0.03, lambda r: LANGUAGES[r]),
    ]
    for name, there, wrong, say in columns:
        if rng.random() < there:
            known[name] = say(rng.choice(BUSINESS) if rng.random() < wrong else region)
    return known


def rows(count: int, seed: int) -> Iterator[Row]:
    rng = random.Random(seed)
    for _ in range(count):
        region = rng.choices(list(SHARES), list(SHARES.values()))[0]
        number = draw(rng, region)
        known = known_beside(rng, region)
        if rng.random() < 0.05:
            name = rng.choice(list(DESTROYED))
            yield Row(DESTROYED[name](number, region, rng), "", region, name, False, known)
            continue
        pool = [name for name, (world, _) in SPELLINGS.items() if world or region in BUSINESS]
        name = rng.choice(pool)
        world, spell = SPELLINGS[name]
        yield Row(spell(number, region, rng), _e164(number), region, name, not world, known)
