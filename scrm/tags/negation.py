"""Words that turn a keyword into its opposite: 'please don't cancel', '解約はしません', '唔好取消', '没坏了'.

Pure. Texts are given folded (`scrm.core.folding`), so kana is hiragana and Chinese is simplified here.

What only sounds negative keeps the keyword: a request that was not yet fulfilled ('还没退款', '返金されていません'), a thing one cannot
do ('キャンセルできません', "can't cancel"), a question of the form A-not-A ('要不要取消'), a reproach to the shop ("you didn't refund me").
All patterns are bounded and look only at the few characters beside the keyword.
"""

from __future__ import annotations

import re

_LOOK_BEFORE = 48
_LOOK_AFTER = 24

_ENGLISH = re.compile(
    r"(?:^|[^a-z])(?P<you>you |u )?"
    r"(?P<word>do not|don't|dont|does not|doesn't|did not|didn't|is not|isn't|isnt|was not|wasn't|wasnt|are not|aren't|"
    r"will not|won't|wont|would not|wouldn't|no need (?:to|for|of)|not|never|no|without)"
    r"(?P<fill>(?: (?:please|to|want|wanna|need|have|going|wish|like|asking for|ask for|asked for|"
    r"a|an|any|the|my|this|it|been|be|really|even|actually|for|about)){0,4}) ?$"
)
_ENGLISH_PENDING = re.compile(r"^[a-z' ]{0,24}\b(?:yet|until now|so far)\b")
_ENGLISH_EXCUSED = re.compile(r"^ (?:need|have)")

_JAPANESE = re.compile(
    r"^(?:"
    r"(?:は|を|も|とか)?(?:し|いた?し)(?:ません(?!か)|ない(?!と|か|ん)|なくて|ないで|たくな|たくありません|ておりません)"
    r"|(?:は|を|も)?せず"
    r"|(?:する|した)?(?:つもり|必要|予定|気|希望)(?:は|も|が)?(?:ありません|ない|なし|ございません)"
    r"|(?:では|じゃ|で)(?:な[いくか]|ありません|ございません)"
    r"|(?:て|た|れて|れた)(?:は|も)?(?:いません|いな[いくか]|ません|な[いく]|おりません|おらず)"
    r"|(?:は|も|が)?(?:不要|結構です|无し|なしで|いりません|いらない|要りません|要らない|必要な[いし]|必要ありません)"
    r")"
)

_CHINESE = re.compile(
    r"(?P<you>[你您]们?|[你您]哋|店家?|客服|商家)?(?P<word>唔需要|不需要|没必要|不想要|唔好|唔使|唔想|唔系|唔会|唔要|无需|毋须|不须|不要|不用|不想|不是|不会|不打算|没有要|没有|"
    r"没说要|勿|不必|别|咪|不|没|未|冇|唔)(?:再|帮我|替我|给我|同我|我|去|要|曾|是|有|打算|将|先|立即|马上|随便){0,3}$"
)
# '还没', '尚未', '仲未': what was asked for has not come, so the matter is open.
_CHINESE_PENDING = re.compile(r"(?:还|還|尚|仲|迟迟|一直|都|到现在|至今)$")
_CHINESE_WHY = re.compile(r"(?:为什么|为何|为啥|点解|怎么|干嘛)[你您们哋店]*$")
_FORBIDS = ("唔好", "唔使", "不要", "不用", "不必", "别", "勿", "咪", "无需", "毋须", "不须", "不需要", "唔需要")
# One character between '不' and the keyword may belong to a longer word: '不得不', '要不', '不过'.
_CHINESE_IDIOM = re.compile(r"(?:不得|要|除|忍)$")


def _english(before: str, after: str) -> str:
    found = _ENGLISH.search(before)
    if found is None or _ENGLISH_PENDING.search(after):
        return ""
    if found["you"] and not _ENGLISH_EXCUSED.search(found["fill"]):
        return ""
    return found["word"]


def _chinese(before: str) -> str:
    found = _CHINESE.search(before)
    if found is None:
        return ""
    head, word = before[: found.start("word")], found["word"]
    asks = bool(head) and len(before) > found.start("word") + 1 and head[-1] == before[found.start("word") + 1]
    blames = bool(found["you"]) and word not in _FORBIDS
    if asks or blames or _CHINESE_PENDING.search(head) or _CHINESE_WHY.search(head) or (word == "不" and _CHINESE_IDIOM.search(head)):
        return ""
    return word


def negated_by(text: str, start: int, end: int) -> str:
    """The word that negates the keyword at `text[start:end]`, or ''. Linear: only the neighbourhood is looked at."""
    before = re.split(r"[.!?。！？\n,、]", text[max(0, start - _LOOK_BEFORE) : start])[-1]
    after = re.split(r"[.!?。！？\n,、]", text[end : end + _LOOK_AFTER])[0]
    found = _JAPANESE.search(after)
    return _english(before, after) or _chinese(before) or (found.group() if found else "")
