"""What people and spreadsheets put around the digits of a phone number, taken off. Pure.

`clean` leaves digits, a leading plus and separators; what else was said (an extension, a country in words, several numbers in one cell)
comes back beside it. A letter that is no part of this makes the text no number: nothing is dropped to make it fit.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# 8.52912E+10 and the like: a spreadsheet kept six digits and threw the rest away.
SCIENTIFIC = re.compile(r"^[+-]?(\d)(?:[.,](\d+))?[eE]\s*[+]?(\d{1,3})$")
FLOAT_TAIL = re.compile(r"^([+\d]\d{4,})[.,]0+$")
# A spreadsheet shows numbers from ten digits on with six of them.
_LEAST_ROUNDED, _DIGITS_KEPT = 10, 6
THOUSANDS = re.compile(r"^[+]?\d{1,3}(?:,\d{3}){2,}$")

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_QUOTES = re.compile(r"^[\s='\"`´‘’“”]+|[\s'\"`´‘’“”]+$")
_KINDS = (
    r"tel(?:ephone)?|phone|mobile|mob|cell|whats\s?app|wa|line|fax|hp|h/p"
    r"|電話|电话|手機|手机|行動電話|携帯(?:電話)?|電話番号|聯絡電話|联系电话|連絡先"
)
_LABEL = re.compile(rf"^(?:{_KINDS}|no|number)\s*(?:no|number|番号|號碼|号码)?\s*[.:：#]*\s*(?=[+(\d])", re.IGNORECASE)
_LABEL_BEHIND = re.compile(rf"(?<=[\d)])[\s,]*(?:[(\[]\s*)?(?:{_KINDS}|office|home|work|自宅|会社|公司|住宅|家)\s*[)\]]?$", re.IGNORECASE)
_EXTENSION = re.compile(
    r"[\s,;]*(?:;ext=|ext(?:ension|n)?\b\.?|x\b|x(?=\d)|#|内線|內線|分機|分机|轉|转)\s*[.:：]?\s*(\d{1,6})\s*\)?\s*$", re.IGNORECASE
)
_ZERO_IN_BRACKETS = re.compile(r"\(\s*0\s*\)")
_SEPARATORS = re.compile(r"[\s\u00a0().\[\]{}\-\u2010-\u2015\u2212\u30fc~・/_*]+")
_SPLIT = re.compile(
    r"\s*(?:[;；、\n\r|]|,(?!\d{3}\b)|,\s+|\s/\s|/(?=\s*[+0-9(]{1}[\d\s()-]{5,})|\bor\b|\band\b|或|和|又は|または)\s*", re.IGNORECASE
)
_LOOKALIKE = str.maketrans({"O": "0", "o": "0", "I": "1", "l": "1", "|": "1"})
_LOOKS_LIKE_DIGITS = re.compile(r"^[\dOoIl|+\s().\-/]+$")
_COUNTRY_NAMES = {
    "HK": "hk hkg hong_kong hongkong 香港",
    "SG": "sg sgp singapore 新加坡 シンガポール",
    "TW": "tw twn taiwan 台灣 臺灣 台湾",
    "JP": "jp jpn japan 日本",
    "MO": "mo mac macau macao 澳門 澳门 マカオ",
    "CN": "cn chn china 中國 中国",
    "US": "us usa 美國 美国",
    "MY": "my malaysia 馬來西亞",
}
_COUNTRIES = {word.replace("_", " "): code for code, words in _COUNTRY_NAMES.items() for word in words.split()}
_COUNTRY_AFTER = re.compile(r"^(.*\d)\s*[(\[]?\s*([^\W\d_][^\d()\[\]]*?)\s*[)\]]?$")
_COUNTRY_BEFORE = re.compile(r"^[(\[]?\s*([^\W\d_][^\d()\[\]+]*?)\s*[)\]:：]?\s*([(+]?\d.*)$")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`digits` begins with '+' when a country code was stated. Empty `digits`: there is no number in it."""

    digits: str
    extension: str = ""
    country: str = ""


def plain(raw: str) -> str:
    """One form for width and invisible signs, without the quotes and signs that spreadsheets put in front."""
    return _QUOTES.sub("", _INVISIBLE.sub("", unicodedata.normalize("NFKC", raw))).strip()


def unscience(text: str) -> str | None:
    """The digits of a number in scientific notation that holds all of them, "" when digits are lost; None when it is not in it."""
    match = SCIENTIFIC.match(text.replace(" ", ""))
    if not match:
        return None
    first, rest, exponent = match.group(1), match.group(2) or "", int(match.group(3))
    return first + rest if len(rest) == exponent else ""


def is_rounded(text: str) -> bool:
    """'85291200000': six digits and then zeros only, as from a file that was saved with 8.52912E+10 and opened again."""
    match = FLOAT_TAIL.match(text)
    digits = match.group(1) if match else text.replace(",", "") if THOUSANDS.match(text) else text
    return digits.isdecimal() and _LEAST_ROUNDED <= len(digits) <= 15 and digits[0] != "0" and len(digits.rstrip("0")) <= _DIGITS_KEPT


def parts(text: str) -> list[str]:
    """The numbers of a cell that holds several; a tail too short to be one ('2123 4567/8') belongs to the number before it."""
    if THOUSANDS.match(text):
        return [text.replace(",", "")]
    found = [part for part in _SPLIT.split(text) if part and part.strip()]
    whole = [part for part in found if sum(char.isdigit() for char in part) >= 6]
    return whole if len(whole) > 1 else [text]


def clean(text: str) -> Cleaned:
    """The digits of one number."""
    if match := FLOAT_TAIL.match(text):
        text = match.group(1)
    text = re.sub(r"^tel:", "", text, flags=re.IGNORECASE).replace(";phone-context=", " ")
    extension = ""
    if match := _EXTENSION.search(text):
        text, extension = text[: match.start()], match.group(1)
    text = _LABEL_BEHIND.sub("", _LABEL.sub("", text))
    text, country = _country(text)
    if _LOOKS_LIKE_DIGITS.match(text) and sum(char.isdigit() for char in text) >= 5:
        text = text.translate(_LOOKALIKE)
    return Cleaned(_digits(_shorten_tail(text)), extension, country)


def _shorten_tail(text: str) -> str:
    """'2123 4567/8' and '2123 4567/68': further lines of one switchboard. Of '090/1234/5678' the slashes stand between groups."""
    head, slash, tail = text.rpartition("/")
    further = tail.strip().isdigit() and len(tail.strip()) <= 4 and sum(map(str.isdigit, head)) >= 6
    return head if slash and further and "/" not in head else text


def _country(text: str) -> tuple[str, str]:
    """A country in words before or behind the digits: '9123 4567 (HK)', '香港 9123 4567'."""
    for pattern, number, word in ((_COUNTRY_AFTER, 1, 2), (_COUNTRY_BEFORE, 2, 1)):
        match = pattern.match(text)
        if match and (code := _COUNTRIES.get(match.group(word).strip(" .").casefold())):
            return match.group(number), code
    return text, ""


def _digits(text: str) -> str:
    stated = _SEPARATORS.sub("", text).startswith("+")
    if stated or re.match(r"^\W*00", text):
        text = _ZERO_IN_BRACKETS.sub("", text)
    packed = _SEPARATORS.sub("", text)
    plus = "+" if packed.startswith("+") else ""
    digits = packed.lstrip("+").replace("+", "") if plus else packed
    return plus + digits if digits.isascii() and digits.isdigit() else ""
