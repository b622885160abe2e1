"""What people write into cells: dates in several calendars, countries, languages, yes and no. Pure; None: it cannot be read."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import lru_cache
from zoneinfo import available_timezones

_ERAS = {"明治": 1867, "m": 1867, "大正": 1911, "t": 1911, "昭和": 1925, "s": 1925, "平成": 1988, "h": 1988, "令和": 2018, "r": 2018}
_JAPANESE = re.compile(r"^(明治|大正|昭和|平成|令和|[mtshr])\.?\s*(\d{1,2}|元)\s*[年./\-]\s*(\d{1,2})\s*[月./\-]\s*(\d{1,2})\s*日?$")
_ROC = re.compile(r"^(?:民國|民国|中華民國|roc)\s*(\d{1,3}|元)\s*[年./\-]\s*(\d{1,2})\s*[月./\-]\s*(\d{1,2})\s*日?$")
_YEAR_FIRST = re.compile(
    r"^(\d{4})\s*[年./\-]\s*(\d{1,2})\s*[月./\-]\s*(\d{1,2})\s*日?(?:[ t]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:z|[+-]\d{2}:?\d{2})?)?$"
)
_PACKED = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_YEAR_LAST = re.compile(r"^(\d{1,2})\s*[./\-]\s*(\d{1,2})\s*[./\-]\s*(\d{4})$")
_WORDS = re.compile(r"^(?:(\d{1,2})(?:st|nd|rd|th)?[ \-]+([a-z]{3,9})|([a-z]{3,9})[ \-]+(\d{1,2})(?:st|nd|rd|th)?),?[ \-]+(\d{4})$")
_MONTHS = {
    name: number
    for number, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1)
}
# Which comes first in 03/05/1990, where a country is known to write it one way.
_DAY_FIRST = frozenset({"HK", "SG", "MO", "MY", "GB", "AU", "NZ", "IN", "TH", "VN", "ID", "FR", "DE", "IT", "ES"})
_MONTH_FIRST = frozenset({"US", "PH"})
_OLDEST = 1880


def plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


@lru_cache(maxsize=20_000)
def birthday(text: str, regions: tuple[str, ...] = (), *, today: date) -> tuple[date | None, str]:
    """(the day, "") or (None, code of the problem)."""
    found, problem = _date(plain(text), regions)
    if found is None:
        return None, problem or "birthday"
    return (found, "") if found.year >= _OLDEST and found <= today else (None, "birthday_range")


def _date(text: str, regions: tuple[str, ...]) -> tuple[date | None, str]:
    if match := _YEAR_FIRST.match(text) or _PACKED.match(text):
        return _day(match[1], match[2], match[3]), ""
    if match := _JAPANESE.match(text):
        return _day(_ERAS[match[1]] + (1 if match[2] == "元" else int(match[2])), match[3], match[4]), ""
    if match := _ROC.match(text):
        return _day(1911 + (1 if match[1] == "元" else int(match[1])), match[2], match[3]), ""
    if match := _WORDS.match(text):
        day, month = (match[1], match[2]) if match[1] else (match[4], match[3])
        return _day(match[5], _MONTHS.get(month[:3], 0), day), ""
    if match := _YEAR_LAST.match(text):
        return _year_last(int(match[1]), int(match[2]), int(match[3]), regions)
    return None, ""


def _year_last(first: int, second: int, year: int, regions: tuple[str, ...]) -> tuple[date | None, str]:
    day_first, month_first = _day(year, second, first), _day(year, first, second)
    if day_first is None or month_first is None or day_first == month_first:
        return day_first or month_first, ""
    habits = {"D" if each in _DAY_FIRST else "M" if each in _MONTH_FIRST else "?" for each in regions}
    if habits == {"D"}:
        return day_first, ""
    return (month_first, "") if habits == {"M"} else (None, "birthday_order")


def _day(year: int | str, month: int | str, day: int | str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


_COUNTRY_NAMES = {
    "HK": "hong kong|hongkong|hksar|hkg|hong kong sar|香港|香港特別行政區|中国香港|中國香港|ホンコン",
    "TW": "taiwan|twn|taiwan roc|台灣|臺灣|台湾|中華民國|タイワン",
    "JP": "japan|jpn|日本|日本国|nippon",
    "SG": "singapore|sgp|新加坡|シンガポール|星加坡",
    "MO": "macau|macao|mac|澳門|澳门|マカオ",
    "CN": "china|chn|prc|mainland china|中國|中国|中国大陆|中國大陸",
    "KR": "south korea|korea|kor|republic of korea|韓國|韩国|韓国|大韓民国",
    "US": "united states|usa|united states of america|u.s.a.|u.s.|america|美國|美国|アメリカ|アメリカ合衆国|米国",
    "GB": "united kingdom|uk|great britain|england|英國|英国|イギリス",
    "MY": "malaysia|mys|馬來西亞|马来西亚|マレーシア",
    "TH": "thailand|tha|泰國|泰国|タイ",
    "VN": "vietnam|viet nam|vnm|越南|ベトナム",
    "PH": "philippines|phl|菲律賓|菲律宾|フィリピン",
    "ID": "indonesia|idn|印尼|印度尼西亞|印度尼西亚|インドネシア",
    "IN": "india|ind|印度|インド",
    "AU": "australia|aus|澳洲|澳大利亞|澳大利亚|オーストラリア",
    "NZ": "new zealand|nzl|紐西蘭|新西兰|新西蘭|ニュージーランド",
    "CA": "canada|can|加拿大|カナダ",
    "FR": "france|fra|法國|法国|フランス",
    "DE": "germany|deu|德國|德国|ドイツ",
}
_COUNTRIES = {word: code for code, words in _COUNTRY_NAMES.items() for word in words.split("|")}


@lru_cache(maxsize=4096)
def country(text: str) -> str | None:
    """ISO 3166, two letters."""
    import phonenumbers

    word = plain(text)
    if word in _COUNTRIES:
        return _COUNTRIES[word]
    code = word.upper()
    if code == "UK":
        return "GB"
    return code if len(code) == 2 and code in phonenumbers.SUPPORTED_REGIONS else None


_LANGUAGE_NAMES = {
    "en": "english|英語|英文|英语",
    "ja": "japanese|日本語|日文|日語|日语|jp|jpn",
    "zh-hant": "traditional chinese|chinese traditional|繁體中文|繁体中文|繁體|繁中|zh-tw|zh-hk|zh-mo|zh tw|zh hk|中国語 繁体字|台灣華語",
    "zh-hans": "simplified chinese|chinese simplified|简体中文|簡體中文|简体|簡中|简中|zh-cn|zh-sg|zh cn|中国語 簡体字",
    "yue": "cantonese|廣東話|粵語|广东话|粤语|広東語",
    "ko": "korean|韓文|韓語|韩语|韓国語|한국어",
    "zh": "chinese|mandarin|中文|中国語|普通話|普通话|國語|国语|華語|华语",
    "th": "thai|泰文|泰語|タイ語",
    "vi": "vietnamese|越南文|越南語|ベトナム語",
    "ms": "malay|馬來文|马来文|マレー語",
    "id": "indonesian|印尼文|インドネシア語",
    "fr": "french|法文|法語|フランス語",
    "de": "german|德文|德語|ドイツ語",
    "es": "spanish|西班牙文|スペイン語",
}
_LANGUAGES = {word: code for code, words in _LANGUAGE_NAMES.items() for word in words.split("|")}
_TAG = re.compile(r"^[a-z]{2,3}(-[a-z0-9]{2,8}){0,2}$")


@lru_cache(maxsize=4096)
def language(text: str) -> str | None:
    """BCP 47 in lower case, as the product stores it."""
    word = plain(text).replace("_", "-").replace("(", " ").replace(")", " ").strip()
    word = re.sub(r"\s+", " ", word)
    if word in _LANGUAGES:
        return _LANGUAGES[word]
    return word if _TAG.match(word) and len(word) <= 10 else None


_ZONES = {
    "hong kong": "Asia/Hong_Kong",
    "香港": "Asia/Hong_Kong",
    "hkt": "Asia/Hong_Kong",
    "taipei": "Asia/Taipei",
    "台北": "Asia/Taipei",
    "臺北": "Asia/Taipei",
    "tokyo": "Asia/Tokyo",
    "東京": "Asia/Tokyo",
    "日本": "Asia/Tokyo",
    "jst": "Asia/Tokyo",
    "singapore": "Asia/Singapore",
    "新加坡": "Asia/Singapore",
    "シンガポール": "Asia/Singapore",
    "sgt": "Asia/Singapore",
    "macau": "Asia/Macau",
    "shanghai": "Asia/Shanghai",
    "beijing": "Asia/Shanghai",
    "北京": "Asia/Shanghai",
    "上海": "Asia/Shanghai",
    "utc": "UTC",
    "gmt": "UTC",
}


@lru_cache(maxsize=1)
def _all_zones() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones()} | _ZONES


@lru_cache(maxsize=4096)
def time_zone(text: str) -> str | None:
    return _all_zones().get(plain(text)) or _all_zones().get(plain(text).replace(" ", "_"))


_YES = frozenset(
    [
        "yes",
        "y",
        "true",
        "1",
        "ok",
        "on",
        "opted-in",
        "subscribed",
        "はい",
        "有",
        "可",
        "是",
        "同意",
        "承諾",
        "許可",
        "希望する",
        "希望",
        "○",
        "◯",
        "✓",
        "✔",
        "願意",
        "愿意",
        "接受",
    ]
)
_NO = frozenset(
    [
        "no",
        "n",
        "false",
        "0",
        "off",
        "opted-out",
        "unsubscribed",
        "いいえ",
        "無",
        "不可",
        "否",
        "不同意",
        "拒否",
        "希望しない",
        "×",
        "✗",
        "x",
        "拒絕",
        "拒绝",
        "不接受",
        "停止",
    ]
)


@lru_cache(maxsize=1024)
def yes_or_no(text: str) -> bool | None:
    word = plain(text)
    return True if word in _YES else False if word in _NO else None


_PRIORITIES = {
    word: code
    for code, words in {"low": "low|低|低い", "normal": "normal|medium|中|普通|一般", "high": "high|高|高い|urgent|緊急|紧急"}.items()
    for word in words.split("|")
}


def priority(text: str) -> str | None:
    return _PRIORITIES.get(plain(text))


_SEPARATOR = re.compile(r"\s*[,;、，；|\n]\s*")


def words(text: str) -> list[str]:
    """Tags of one cell."""
    return [word for word in dict.fromkeys(_SEPARATOR.split(text.strip())) if word]
