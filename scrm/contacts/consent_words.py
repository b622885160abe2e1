"""Words with which people stop and restart our messages. Pure. The whole message must be the word: 'please stop by' is no opt-out.

Sources: the platforms' own examples (STOP, START), Japan's 配信停止, Taiwan's 退訂 and 取消訂閱, Hong Kong's 停止, Singapore's UNSUB.
"""

from __future__ import annotations

import unicodedata

STOP = frozenset(
    {
        *("stop", "stop all", "stopall", "unsubscribe", "unsub", "opt out", "optout", "cancel subscription"),
        *("配信停止", "配信を停止", "配信解除", "配信停止希望", "登録解除"),
        *("停止", "退訂", "取消訂閱", "不要再傳", "唔好再send", "拒收"),
        *("取消訂阅", "退订", "取消订阅", "不要再发"),
    }
)
START = frozenset(
    {
        *("start", "unstop", "subscribe", "opt in", "optin"),
        *("配信再開", "配信開始", "再開"),
        *("訂閱", "恢復訂閱", "重新訂閱", "订阅", "恢复订阅"),
    }
)


def reading(text: str) -> bool | None:
    """False: stop. True: start again. None: neither."""
    word = " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip(" .!。！、,'\"「」")
    if word in STOP:
        return False
    return True if word in START else None
