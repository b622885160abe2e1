"""Which language to answer in: as the message is written, else as the customer is known, else as the channel is set."""

from __future__ import annotations

import re
from functools import lru_cache

from opencc import OpenCC

from scrm.contacts.models import Contact
from scrm.conversations.models import Conversation, Message

LANGUAGES = ("en", "ja", "zh-hant", "zh-hk", "zh-hans")

_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d]")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
# Characters and words of written Cantonese that Mandarin does not use; 個 and 先 are left out because both do.
_CANTONESE = re.compile(r"[嘅咗唔冇喺佢哋嚟啲咁嗰咩乜嘢畀揾搵噉諗俾睇]|邊度|邊個|幾時|點解|而家|依家|有冇|係咪|唔該")
_to_simplified = OpenCC("t2s").convert
_to_traditional = OpenCC("s2t").convert


@lru_cache(maxsize=5000)
def _only(char: str) -> str:
    """'t' for a character of traditional Chinese alone, 's' for simplified alone, '' for both."""
    if _to_simplified(char) != char:
        return "t"
    return "s" if _to_traditional(char) != char else ""


def _is_japanese_writing(text: str) -> bool:
    try:
        "".join(_HAN.findall(text)).encode("cp932")
    except UnicodeEncodeError:
        return False
    return True


def language_of(text: str, likely: str = "") -> str:
    """One of `LANGUAGES`, or '' when the text does not tell. `likely` settles kanji that Chinese and Japanese share."""
    if _KANA.search(text):
        return "ja"
    if _CANTONESE.search(text):
        return "zh-hk"
    if _HAN.search(text):
        if likely == "ja" and _is_japanese_writing(text):
            return "ja"
        forms = [_only(char) for char in _HAN.findall(text)]
        traditional, simplified = forms.count("t"), forms.count("s")
        return "zh-hant" if traditional > simplified else "zh-hans" if simplified > traditional else ""
    return "en" if _LATIN_WORD.search(text) else ""


def known_language(code: str, country: str = "") -> str:
    """One of `LANGUAGES` for a code such as zh_TW, zh-Hans, ja-JP; '' for one we have no words in."""
    parts = code.lower().replace("_", "-").split("-")
    if parts[0] in ("yue",) or (parts[0] == "zh" and ("hk" in parts or "mo" in parts)):
        return "zh-hk"
    if parts[0] == "zh":
        simplified = {"hans", "cn", "sg"} & set(parts) or (country in ("CN", "SG") and "hant" not in parts)
        return "zh-hans" if simplified else "zh-hk" if country in ("HK", "MO") else "zh-hant"
    return parts[0] if parts[0] in ("en", "ja") else ""


def language_for(message: Message | None, contact: Contact, conversation: Conversation | None) -> str:
    """The language of this answer, one of `LANGUAGES`. Hong Kong readers of traditional Chinese are spoken to as Hong Kong speaks."""
    connection = conversation.connection if conversation is not None else None
    own = known_language(contact.language, contact.country)
    house = known_language(connection.language, connection.country) if connection is not None else ""
    written = language_of(message.text, likely=own or house) if message is not None else ""
    found = written or own or house or "en"
    country = contact.country or (connection.country if connection is not None else "")
    return "zh-hk" if found == "zh-hant" and country in ("HK", "MO") else found
