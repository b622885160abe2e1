"""Words with which people stop and restart our messages, in English, Japanese, Traditional and Simplified Chinese. Pure.

The whole message must be the request; 'please stop by' and '停止中の商品は?' are none. Case, width, kana, script of Chinese, punctuation,
emoji and courtesies ('please', 'お願いします', '唔該') do not count. A question ('stop?') is no request: an agent reads it.

Sources: the words that carriers and platforms oblige senders to honour (STOP, UNSUBSCRIBE, OPT OUT, START), WhatsApp's own button
'Stop promotions' in our languages, Japan's 配信停止, Taiwan's 退訂 and 取消訂閱, Hong Kong's 停止 and 唔好再send, mainland China's TD.
Left out on purpose: 'cancel', 'end', 'quit', 取消, 解約, キャンセル and 連絡不要, which in a shop's chat are about an order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import Literal

from scrm.core.folding import fold

LONGEST = 60


@dataclass(frozen=True, slots=True)
class Wish:
    """`purpose` as in `Consent.Purpose`: all messages, or promotions alone."""

    purpose: Literal["all", "marketing"]
    allowed: bool


STOP = (
    *("stop", "stop all", "stopall", "stop it", "unsubscribe", "unsubscribe me", "unsubscribe all", "unsub", "cancel subscription"),
    *("opt out", "optout", "opt me out", "i want to opt out", "i want to unsubscribe", "i want to stop", "i would like to unsubscribe"),
    *("stop messages", "stop messaging", "stop messaging me", "stop sending", "stop sending me messages", "stop sending messages"),
    *("stop texting", "stop texting me", "stop contacting me", "stop spamming", "stop spamming me", "stop spam", "no more messages"),
    *("do not contact me", "dont contact me", "do not message me", "dont message me", "do not text me", "dont text me"),
    *("do not send me messages", "dont send me messages", "dont send me any more messages", "never contact me again"),
    *("remove me", "remove me from your list", "remove me from the list", "remove me from your mailing list", "remove my number"),
    *("take me off your list", "take me off the list", "delete my number"),
    # Japanese
    *("配信停止", "配信を停止", "配信解除", "配信中止", "配信拒否", "配信不要", "停止", "登録解除", "登録を解除", "購読解除", "購読停止"),
    *("メルマガ解除", "メルマガ停止", "メルマガ配信停止", "メッセージ停止", "メッセージ配信停止", "通知停止"),
    *("送信停止", "受信拒否", "連絡しないで", "連絡しないでください", "もう送らないで", "もう送らないでください"),
    *("もう送らないで下さい", "もう連絡しないで", "もう連絡しないでください", "メッセージを送らないで"),
    *("メッセージを送らないでください", "オプトアウト"),
    # Chinese, as written in Taiwan and on the mainland
    *("退訂", "取消訂閱", "取消訂閲", "解除訂閱", "停止訂閱", "拒收", "拒收訊息", "td", "退訂td"),
    *("不要再傳", "不要再發", "不要再寄", "不要再傳訊息", "不要再發訊息", "不要再發消息", "不要再發信息", "不要再傳簡訊"),
    *("不要再發了", "不要再傳了", "不要傳了", "別再發", "別再傳", "別再發了", "別再傳了", "別再傳訊息", "別再發訊息"),
    *("別再發消息", "請勿再傳", "請勿再發", "勿再傳送", "請勿打擾", "不要再打擾我", "別再打擾我"),
    *("不要再聯絡我", "不要再聯繫我", "別再聯繫我", "停止發送", "停止傳送", "停止接收", "取消接收", "停止訊息"),
    *("停止接收訊息", "不想再收到訊息", "不想收到訊息", "我不想再收到訊息"),
    # Chinese, as written in Hong Kong
    *("唔好再send", "唔好再send俾我", "唔好再send嚟", "唔好send", "唔好再傳", "唔好再發", "唔好再傳訊息", "唔好再搵我"),
    *("唔好再message我",),
    *("唔好再煩我", "唔想再收到訊息", "唔想收訊息", "唔要再send", "停止send", "取消subscribe"),
)
STOP_PROMOTIONS = (
    *("stop promotions", "stop promotion", "stop promos", "stop promo", "stop ads", "stop marketing", "no promotions"),
    *("no more promotions",),
    *("no ads", "no more ads", "stop advertising", "stop sending ads", "opt out of promotions", "unsubscribe from promotions"),
    *("stop marketing messages", "no marketing"),
    *("プロモーション停止", "プロモーションを停止", "広告停止", "広告を停止", "広告配信停止", "広告不要", "宣伝不要"),
    *("プロモーション不要",),
    *("停止促銷", "停止推廣", "停止廣告", "停止促銷訊息", "停止推廣訊息", "停止接收促銷訊息", "停止接收推廣訊息"),
    *("停止營銷", "停止營銷消息"),
    *("不要廣告", "不要促銷", "不要推廣", "不要再發廣告", "不要再傳廣告", "別發廣告", "別再發廣告", "拒收廣告", "取消廣告", "取消促銷"),
    *("唔要廣告", "唔好再send廣告", "唔好send廣告", "唔要推廣", "唔好再send推廣"),
)
START = (
    *("start", "unstop", "subscribe", "subscribe me", "resubscribe", "re subscribe", "opt in", "optin", "start again", "resume"),
    *("配信再開", "配信を再開", "配信開始", "配信を開始", "再開", "配信希望", "再登録", "購読再開"),
    *("訂閱", "恢復訂閱", "重新訂閱", "再次訂閱", "我要訂閱", "恢復接收", "恢復發送", "重新接收"),
)

# Said around a request without changing it. Folded, as the words are when they are looked up.
_BEFORE = (
    *("please", "pls", "plz", "kindly", "hi", "hello", "hey", "ok", "sorry"),
    *("すみません", "すいません", "恐れ入りますが"),
    *("請", "麻煩", "麻煩你", "麻煩您", "唔該", "我要", "我想", "我想要", "幫我", "請幫我", "你好", "您好", "不好意思", "回覆"),
)
_AFTER = (
    *("please", "pls", "plz", "now", "thanks", "thank you", "thx", "ty", "me", "immediately"),
    *("してください", "して下さい", "して", "ください", "下さい", "をお願いします", "お願いします", "お願い致します", "お願いいたします"),
    *(
        "をお願いいたします",
        "お願い",
        "でお願いします",
        "で",
        "です",
        "希望",
        "を希望します",
        "希望します",
        "希望です",
        "したいです",
        "したい",
        "します",
    ),
    *("謝謝", "多謝", "唔該", "啦", "吧", "呀", "啊", "喇", "拜託"),
)
# What every request holds, folded: the rest of what customers write is passed over at once. A test holds the words to it.
_STEMS = re.compile(
    r"stop|unsub|subscri|opt|messag|contact|text me|remove|take me|delete|promo|ads\b|marketing|start|resume"
    r"|停|配信|解除|登录|购|受信|不要|送らないで|连络|おぷと|再开|订|别|勿|不想|拒|取消|恢复|重新|td|唔"
)
_ASKS = re.compile(r"[?？]|(?:吗|か|呢|嘛|么)$")
_DROPPED = re.compile(r"['’]")
_NOT_WORDS = re.compile(r"[^\w]+|_+")
_GAP = re.compile(r"(?<=[^\x00-\x7f]) | (?=[^\x00-\x7f])")


def _plain(text: str) -> str:
    """Letters and digits only, words a space apart, none beside Japanese or Chinese; folded."""
    words = _NOT_WORDS.sub(" ", _DROPPED.sub("", fold(text))).strip()
    return _GAP.sub("", words)


def _said(words: tuple[str, ...], wish: Wish) -> dict[str, Wish]:
    return {_plain(word): wish for word in words}


_WISHES = (
    _said(STOP, Wish("all", allowed=False))
    | _said(STOP_PROMOTIONS, Wish("marketing", allowed=False))
    | _said(START, Wish("all", allowed=True))
)
_OPENINGS = tuple(sorted({_plain(word) for word in _BEFORE}, key=len, reverse=True))
_CLOSINGS = tuple(sorted({_plain(word) for word in _AFTER}, key=len, reverse=True))


def reading(text: str) -> Wish | None:
    """What the message asks for, or None when it is not a request to stop or to start again."""
    if not text or len(text) > LONGEST:
        return None
    folded = "" if _ASKS.search(text) else _plain(text)
    if not _STEMS.search(folded) or _ASKS.search(folded):
        return None
    for words in (folded, _once(folded)):
        for before, after in product((False, True), repeat=2):
            if wish := _WISHES.get(_bare(words, before=before, after=after)):
                return wish
    return None


def _once(words: str) -> str:
    """'stop stop stop' and '停止停止' said once."""
    said = words.split(" ")
    if len(said) > 1:
        return said[0] if len(set(said)) == 1 else words
    half = len(words) // 2
    return words[:half] if len(words) % 2 == 0 and half and words[:half] == words[half:] else words


def _bare(words: str, *, before: bool, after: bool) -> str:
    """Without courtesies, at most two on either side."""
    for _turn in range(2):
        if before:
            words = next((_rest(words, word, words[len(word) :]) for word in _OPENINGS if words.startswith(word)), words)
        if after:
            words = next((_rest(words, word, words[: -len(word)]) for word in _CLOSINGS if words.endswith(word)), words)
    return words


def _rest(words: str, courtesy: str, rest: str) -> str:
    """What is left when the courtesy is taken off; a Latin one only as a word of its own: 'history' does not begin with 'hi'."""
    inside = courtesy.isascii() and rest and not (rest[0] == " " or rest[-1] == " ")
    return words if inside and rest.isascii() else rest.strip()
