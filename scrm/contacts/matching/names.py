"""A name taken apart into what can be compared: characters, readings by sound, English given names, the gender it tells. Pure.

The same person's name in full or half width, in traditional or simplified characters, with an honorific, an emoji or the parts
swapped comes to the same keys.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from scrm.contacts.matching import given_names, spelling
from scrm.contacts.matching.characters import canonical, japanese_given, japanese_surnames, surname_readings
from scrm.contacts.names import COMPOUND_SURNAMES as _WRITTEN_COMPOUNDS

# A reading: codes of the family name, codes of the given name; either may be empty. Tuples as made, lists as read from JSON.
Reading = Sequence[Sequence[str]]

_HAN = re.compile("[\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_KANA = re.compile("[\u3041-\u3096\u30fc]+")
_LATIN = re.compile(r"[a-z]+")
_NOT_NAME = re.compile("[^\\w\\s\u3005\u30fc・,]|[\\d_]")
_TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_TITLES_MALE = frozenset(["mr", "sir", "mister"])
_TITLES_FEMALE = frozenset(["ms", "mrs", "miss", "madam", "mdm", "mme"])
_TITLES = frozenset(["dr", "prof", "rev", "sama", "san", "kun", "chan_"])
_PARTICLES = frozenset(["bin", "binte", "binti", "bte", "bt", "al", "so", "do", "jr", "sr"])
# The longer first; after the colon the gender that it tells.
_HONORIFICS_WRITTEN = """
先生:m 小姐:f 女士:f 太太:f 夫人:f 老師 老师 經理 经理 医师 醫師 醫生 医生 主任 老闆 老板 同學 同学 店長 さま さん
ちゃん くん 様 殿 氏 君:m 太:f 生:m 嬢:f
"""
_HONORIFICS = tuple((written, gender) for written, _, gender in (each.partition(":") for each in _HONORIFICS_WRITTEN.split()))
_AN_HONORIFIC = tuple(written for written, _ in _HONORIFICS)
# After a surname alone ('陳生', '陳太'); at the end of a longer name they are part of it.
_SHORT_HONORIFICS = frozenset("太生君氏殿")
_NICK_PREFIXES = frozenset("阿小老")
_NOBODY_WORDS = """
お客様 パパ ママ 不明 匿名 妈妈 媽媽 客人 客戶 客户 店小二 店長 店长 未知 测试 測試 爸爸 経理 經理 老板 老闆 队长 隊長
顧客
"""
_NOBODY = frozenset(_NOBODY_WORDS.split())
_NOBODY_LATIN_WORDS = """
admin boss customer dad gg guest mama me mom mum na none null papa shop store test unknown user
"""
_NOBODY_LATIN = frozenset(_NOBODY_LATIN_WORDS.split())
_COMPOUNDS = frozenset(canonical(each) for each in _WRITTEN_COMPOUNDS)


@dataclass(slots=True, unsafe_hash=True)
class Name:
    """Never changed once made; not frozen, because making millions of frozen ones takes twice as long.

    `han`: canonical characters, `cut` those of the family name (0: not known). `english`: groups of English given names.

    `family_only`: an honorific stands behind a surname. `nick`: 阿文 and the like. `gender`: m, f or empty, as an honorific says.
    """

    han: str = ""
    cut: int = 0
    readings: Sequence[Reading] = ()
    english: Sequence[str] = ()
    gender: str = ""
    family_only: bool = False
    nick: bool = False
    words: Sequence[str] = ()

    @property
    def empty(self) -> bool:
        return not (self.han or self.readings or self.english)


NONE = Name()


def parse(name: str, *, phonetic: str = "") -> Name:
    """`phonetic`: the name's reading in kana, where a form asked for it."""
    found = _parse(name[:200])
    if phonetic and found.han:
        kana = _split_kana(_hiragana(phonetic[:200]))
        if kana:
            return Name(
                found.han, found.cut, (*found.readings, *kana), found.english, found.gender, found.family_only, found.nick, found.words
            )
    return found if not found.empty or not phonetic else _parse(phonetic[:200])


@lru_cache(maxsize=4096)
def _parse(name: str) -> Name:
    if name.isascii():
        text = name.casefold()
    else:
        text = _strip_marks(unicodedata.normalize("NFKC", name).casefold().replace("・", " ").replace("’", "").replace("‐", ""))
    if not text.replace(" ", "").isalpha():
        text = text.replace("'", "").replace("-san", " ").replace("-sama", " ").replace("-", "")
        text = _NOT_NAME.sub(" ", text)
    plain, gender, honoured = _without_honorific(text.strip())
    if plain.replace(" ", "") in _NOBODY:
        return NONE
    words, titled = _latin_words(plain)
    gender = gender or titled
    readings, english = _latin(words)
    if plain.isascii():
        return Name("", 0, readings, english, gender, False, False, words)
    han = "".join(_HAN.findall(plain))
    if han:
        return _with_han(plain, han, words, readings, english, gender, honoured)
    kana = _split_kana(_hiragana(plain))
    if kana:
        if honoured:
            kana = tuple(_either(kana))
        return Name("", 0, (*kana, *readings), english, gender, False, False, words)
    return Name("", 0, readings, english, gender, False, False, words)


def _strip_marks(text: str) -> str:
    """Latin letters without accents; kana keep their sound marks."""
    if text.isascii():
        return text
    out: list[str] = []
    for char in text:
        if char < "\u0250" and char > "\x7f":
            char = unicodedata.normalize("NFD", char)[0]
        out.append(char)
    return "".join(out)


def _hiragana(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_TO_HIRAGANA)


def _without_honorific(text: str) -> tuple[str, str, bool]:
    if not text or text[-1].isascii():
        return text, "", False
    hiragana = text.translate(_TO_HIRAGANA)
    if not hiragana.endswith(_AN_HONORIFIC):
        return text, "", False
    for written, gender in _HONORIFICS:
        if not hiragana.endswith(written) or len(text) <= len(written):
            continue
        before = text[: -len(written)].strip()
        if written in _SHORT_HONORIFICS and not (len(before) == 1 or canonical(before) in _COMPOUNDS):
            continue
        return before, gender, True
    return text, "", False


def _latin_words(text: str) -> tuple[tuple[str, ...], str]:
    words, gender = [], ""
    for word in text.replace(",", " ").split():
        if not word.isascii():
            word = "".join(_LATIN.findall(word))
        if not word or word in _PARTICLES or word in _TITLES:
            continue
        if word in _TITLES_MALE or word in _TITLES_FEMALE:
            gender = "m" if word in _TITLES_MALE else "f"
            continue
        words.append(word)
    return tuple(words), gender


def _latin(words: tuple[str, ...]) -> tuple[tuple[Reading, ...], tuple[str, ...]]:
    """Readings in either order, and the English given names among the words."""
    if not words or (len(words) == 1 and (words[0] in _NOBODY_LATIN or len(words[0]) == 1)):
        return (), ()
    initials = {word for word in words if len(word) == 1}
    known = [word for word in words if len(word) > 1 and given_names.group(word)]
    rest = [word for word in words if word not in known and word not in initials]
    if not rest and len(known) > 1:
        # 'James Thomas': all of them are given names, so one of the ends is the surname.
        first, last = known[0], known[-1]
        readings = (_reading([last], known[:-1]), _reading([first], known[1:]))
        return readings, tuple(dict.fromkeys(lead for word in known for lead in given_names.group(word)))
    english = tuple(dict.fromkeys(lead for word in known for lead in given_names.group(word)))
    if not rest:
        return (), english
    if len(rest) == 1:
        whole = rest[0]
        if known or initials:
            return (_reading([whole], []),), english
        return (_reading([whole], []), _reading([], [whole])), english
    return (_reading(rest[-1:], rest[:-1]), _reading(rest[:1], rest[1:])), english


def _reading(family: list[str], given: list[str]) -> Reading:
    return (
        tuple(spelling.sound(word) for word in family),
        (("".join(spelling.sound(word) for word in given)),) if given else (),
    )


def _with_han(
    plain: str, written: str, words: tuple[str, ...], readings: tuple[Reading, ...], english: tuple[str, ...], gender: str, honoured: bool
) -> Name:
    kana = "".join(_KANA.findall(_hiragana(plain)))
    han = canonical(written)
    # Latin words beside characters are another given name ('陳大文 Peter'), not another reading.
    english = english or tuple(spelling.sound(word) for word in words if len(word) > 1)
    nick = len(han) == 2 and written[0] in _NICK_PREFIXES and not kana
    if nick:
        return Name(han[1:], 0, (), english, gender, False, True, words)
    pieces = [canonical(piece) for piece in _HAN.findall(plain)]
    cut = len(pieces[0]) if len(pieces) > 1 and len(han) > 2 else 0
    family_only = honoured and not kana and (len(han) == 1 or han in _COMPOUNDS or (len(han) == 2 and han in japanese_surnames()))
    if family_only:
        cut = len(han)
    chinese_cut, japanese_cut = _cuts(han, cut, bool(kana))
    found: list[Reading] = []
    if kana:
        found.append((tuple(map(spelling.kana_sound, japanese_surnames().get(han, ()))), (spelling.kana_sound(kana),)))
    else:
        if chinese_cut:
            family, given = han[:chinese_cut], han[chinese_cut:]
            found.append((spelling.chinese_family(family), spelling.chinese_given(given) if given else ()))
        else:
            found.append(((), spelling.chinese_given(han)))
        if japanese_cut:
            family, given = han[:japanese_cut], han[japanese_cut:]
            found.append((_codes(japanese_surnames().get(family, ())), _codes(japanese_given().get(given, ())[:8])))
        elif han in japanese_given():
            found.append(((), _codes(japanese_given()[han][:8])))
    cut = len(han) if family_only else cut or (japanese_cut if japanese_cut and (len(han) > 3 or not chinese_cut) else chinese_cut)
    if kana:
        return Name(han + kana, len(han), tuple(found), english, gender, False, False, words)
    return Name(han, cut, tuple(found), english, gender, family_only, False, words)


def _codes(kana: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(spelling.kana_sound, kana)))


def _cuts(han: str, cut: int, kana: bool) -> tuple[int, int]:
    """Where the family name ends, read as a Chinese and as a Japanese name; 0: not such a name, or no family name."""
    size = len(han)
    if cut and cut <= size:
        japanese = cut if han[:cut] in japanese_surnames() else 0
        return (cut if cut == 1 or han[:cut] in _COMPOUNDS else 0), japanese
    if han[:2] in _COMPOUNDS and size > 2:
        chinese = 2
    else:
        chinese = 1 if 1 <= size <= 3 or (size == 4 and han[:2] not in japanese_surnames()) else 0
    return (chinese if size > 1 else 0), _japanese_cut(han)


def _japanese_cut(han: str) -> int:
    best = 0
    for cut in (3, 2, 1):
        if cut < len(han) and han[:cut] in japanese_surnames():
            if han[cut:] in japanese_given():
                return cut
            best = best or (cut if len(han) - cut <= 3 and (cut > 1 or len(han) <= 3) else 0)
    return best


def _split_kana(text: str) -> tuple[Reading, ...]:
    pieces = _KANA.findall(text)
    if not pieces:
        return ()
    if len(pieces) > 1:
        family, given = pieces[0], "".join(pieces[1:])
        return (((spelling.kana_sound(family),), (spelling.kana_sound(given),)),)
    whole = pieces[0]
    if len(whole) < 2:
        return ()
    surnames = surname_readings()
    cuts = [cut for cut in range(len(whole) - 1, 1, -1) if whole[:cut] in surnames][:2] if len(whole) > 3 else []
    found: list[Reading] = [((spelling.kana_sound(whole[:cut]),), (spelling.kana_sound(whole[cut:]),)) for cut in cuts]
    if not found:
        found = _either(((), (spelling.kana_sound(whole),)) for _ in "x")
    return tuple(found)


def _either(readings: object) -> list[Reading]:
    """Each as it is, and what has no family name as a family name alone."""
    out: list[Reading] = []
    for family, given in readings:  # type: ignore[attr-defined]
        out.append((family, given))
        if not family:
            out.append((given, ()))
    return out
