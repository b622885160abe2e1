"""A display name split into given and family name, for CRMs that want two fields. Pure.

A guess by necessity, and a conservative one: what cannot be split stands whole in the given name, so that nothing is lost.
Chinese, Japanese and Korean names are written family name first; Latin ones last, unless the first word is a surname as
Hong Kong, Taiwan and Singapore spell them, or stands in capitals.
"""

from __future__ import annotations

import re

_COMPOUND = """
歐陽 欧阳 司徒 司馬 司马 上官 諸葛 诸葛 夏侯 東方 东方 皇甫 尉遲 尉迟 公孫
公孙 慕容 令狐 端木 南宮 南宫 長孫 长孙 宇文 張簡 范姜 西門 西门 百里 呼延 鍾離
"""
_ROMANISED = """
au chan chang chao chen cheng cheong cheung chew chiang chin chiu choi chong chou chow choy chu chua chui chung fan fong foo fu
fung goh hau heng ho hon hong hsieh hsu huang hui hung ip kam khoo koh kong kwan kwok kwong lai lam lau law lee leong leung li
liao lim lin ling liu lo loh low lu lui luk lum ma mak man mok ng ngai ngan ong pang poon quek seah seow shum sim sin sit siu so
soh song su sun sze szeto tai tam tan tang tay teh teo ting to toh tong tsai tsang tse tseng tsoi tsui tung wan wang wee wong woo
wu yam yan yang yap yau yee yeo yeoh yeung yip yiu yu yuan yuen yung zhang zhao zheng zhou zhu
"""
_COMMON = """
au chan chang chen cheng cheung chow chua fung goh ho huang koh kwok lai lam lau lee leung li lim lin liu ma ng ong tan
tang teo tsai tsang wang wong wu yang yeung yip
"""
COMPOUND_SURNAMES = frozenset(_COMPOUND.split())
# As Hong Kong, Taiwan, Singapore and Malaysia spell them.
ROMANISED_SURNAMES = frozenset(_ROMANISED.split())
COMMON_SURNAMES = frozenset(_COMMON.split())
# Japanese surnames of three characters, besides those with 々 in the middle.
LONG_JAPANESE_SURNAMES = frozenset(["長谷川", "五十嵐", "佐久間", "小笠原", "日比野", "大久保", "小野寺", "久保田", "宇佐美", "長谷部"])
# Japanese surnames of one character that are common; else a Japanese surname is taken to have two.
SHORT_JAPANESE_SURNAMES = frozenset("林森原東南西北関堀岡谷辻星泉島浜畑湊窪榊菅旭堤牧柳梶桂")
FAMILY_FIRST_COUNTRIES = frozenset({"HK", "MO", "TW", "CN", "SG", "MY"})

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3041-\u309f\u30a0-\u30ff"
_HANGUL = "\uac00-\ud7a3"
_HAN_ONLY = re.compile(f"[{_HAN}]+")
_HAN_THEN_KANA = re.compile(f"([{_HAN}]{{1,3}})([{_KANA}]+)")
_HANGUL_ONLY = re.compile(f"[{_HANGUL}]+")
_EAST_ASIAN = re.compile(f"[{_HAN}{_KANA}{_HANGUL}]")


def split_name(name: str, *, country: str = "", language: str = "") -> tuple[str, str]:
    """(given name, family name); the family name is empty when it cannot be told. `country` is ISO 3166, `language` BCP 47."""
    words = name.split()
    if not words:
        return "", ""
    if _EAST_ASIAN.search(name):
        return _east_asian(words, japanese=country == "JP" or language.lower().startswith("ja"))
    return _latin(words, country)


def form_of_address(name: str, *, country: str = "", language: str = "") -> str:
    """How one writes to somebody: a Latin given name, a Japanese family name, a Chinese name whole."""
    name = name.strip()
    given, family = split_name(name, country=country, language=language)
    if name.isascii() or not family:
        return given or name
    return family if country == "JP" or language.lower().startswith("ja") else name


def full_name(given: str, family: str) -> str:
    """The two parts as people there write them."""
    if _EAST_ASIAN.search(family):
        return f"{family}{given}" if _EAST_ASIAN.match(given) else f"{family} {given}".strip()
    return f"{given} {family}".strip()


def _east_asian(words: list[str], *, japanese: bool) -> tuple[str, str]:
    if len(words) > 1:
        if _EAST_ASIAN.search(words[0]):
            return _leading_name(words, japanese=japanese)
        if _HAN_ONLY.fullmatch(words[-1]):
            return _trailing_name(words, japanese=japanese)
        return " ".join(words), ""
    return _unspaced(words[0], japanese=japanese)


def _leading_name(words: list[str], *, japanese: bool) -> tuple[str, str]:
    """'山田 太郎' is family and given name, '陳大文 Peter' a whole name with a second given name behind."""
    if _EAST_ASIAN.search(words[1]):
        return " ".join(words[1:]), words[0]
    given, family = _unspaced(words[0], japanese=japanese)
    if not family:
        given, family = "", words[0]
    return " ".join([*filter(None, [given]), *words[1:]]), family


def _trailing_name(words: list[str], *, japanese: bool) -> tuple[str, str]:
    """'Amy 陳', 'Peter 陳大文'."""
    given, family = _unspaced(words[-1], japanese=japanese)
    if not family:
        given, family = "", words[-1]
    return " ".join([*words[:-1], *filter(None, [given])]), family


def _unspaced(word: str, *, japanese: bool) -> tuple[str, str]:
    mixed = _HAN_THEN_KANA.fullmatch(word)
    if mixed:
        return mixed[2], mixed[1]
    if _HANGUL_ONLY.fullmatch(word) and 2 <= len(word) <= 4:
        return word[1:], word[0]
    if not _HAN_ONLY.fullmatch(word) or not 2 <= len(word) <= 6:
        return word, ""
    cut = _japanese_cut(word) if japanese else _chinese_cut(word)
    return word[cut:], word[:cut]


def _japanese_cut(word: str) -> int:
    if len(word) == 2 or (len(word) == 3 and word[0] in SHORT_JAPANESE_SURNAMES):
        return 1
    return 3 if len(word) > 3 and (word[1] == "々" or word[:3] in LONG_JAPANESE_SURNAMES) else 2


def _chinese_cut(word: str) -> int:
    """Four characters without a compound surname are a married name (陳方安生) or a Japanese one: two and two either way."""
    return 2 if len(word) > 2 and (word[:2] in COMPOUND_SURNAMES or len(word) >= 4) else 1


def _latin(words: list[str], country: str) -> tuple[str, str]:
    if len(words) == 1:
        return words[0], ""
    if words[0].endswith(",") and len(words[0]) > 1:
        return " ".join(words[1:]), words[0][:-1]
    if _family_first(words, country):
        return " ".join(words[1:]), words[0]
    return " ".join(words[:-1]), words[-1]


def _family_first(words: list[str], country: str) -> bool:
    """Many syllables are surnames and given names alike (Tai Man Chan, Chan Tai Man); then the commoner surname decides."""
    shouted = [len(word) > 1 and word.isupper() for word in words]
    if shouted[0] and not any(shouted[1:]):
        return True
    if country not in FAMILY_FIRST_COUNTRIES or any(shouted):
        return False
    first, last = words[0].lower(), words[-1].lower()
    if first not in ROMANISED_SURNAMES or last not in ROMANISED_SURNAMES:
        return first in ROMANISED_SURNAMES
    return len(words) > 2 and (first in COMMON_SURNAMES or last not in COMMON_SURNAMES)
