"""How satisfied somebody sounds, 0 to 1, from emoji and from words in Japanese, Chinese and English. Pure.

Emoji are counted without skin tone. The weights are judgements, ordered as people rank these signs in studies of emoji sentiment: a heart
is better than a thumb, an angry face worse than a sad one. A word that is negated ('not happy', '不滿意') says the opposite.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from scrm.core.folding import fold
from scrm.tags.negation import negated_by

# Fewer messages with a sign say nothing.
LEAST_SIGNS = 3
HALF_LIFE_DAYS = 60.0
LONGEST = 400

_BASE = "[\U0001f1e6-\U0001f1ff]{2}|[\u2600-\u27bf\u2b50\u2b55\u203c\u2049\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff]"
_MARKS = "[\ufe0f\U0001f3fb-\U0001f3ff]*"
_EMOJI = re.compile(f"(?:{_BASE}){_MARKS}(?:\u200d(?:{_BASE}|[\u2640\u2642]){_MARKS})*")
_TONES = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")

_EMOJI_WEIGHTS = (
    (1.0, "😍🥰😻💖💗💓💞💕❤🧡💛💚💙💜🤍🤎🖤💘💝🤩🥳🎉💯"),
    (0.9, "😘😊😁😄😃😀😆😇🤗👏🙌😚😙☺🌹💐✨🌟⭐🏆🎊😸😺😽💪🥹🫶♥"),
    (0.8, "👍👌🙏😋😎😜😝😛🤪😉🙂😂🤣🎁🌸🌷🌈☀🤝✌🤙🤭😹😌💋💃🕺🥂🍻🫡✅"),
    (0.35, "🤔😐😑😶🙄😏😬🥱😴😅🤷🤨😮😯😲😳🫤🥴❓⁉"),
    (0.2, "😕🙁☹😞😔😟😣😖😫😩🥺😢😥😰😓😪🤕🤒😿💔😨😧😦😭🥶👎🤦"),
    (0.0, "😠😡🤬👿😤🤮🤢💢💩😾🖕😱😒😈☠💀❌"),
)
_WORD_WEIGHTS = (
    (0.95, "love perfect amazing excellent awesome fantastic wonderful delighted happy satisfied"),
    (0.95, "最高 大好き 素晴らしい すばらしい 嬉しい 満足 気に入りました 気に入って 完璧"),
    (0.95, "太好了 太棒 好滿意 滿意 好鍾意 好喜歡 很喜歡 好正 超讚 超好用 好好用 很好用 完美 開心"),
    (0.75, "great good nice thanks thankyou thx helpful"),
    (0.75, "ありがとう 有難う 助かりました 助かります 良かった 良い"),
    (0.75, "謝謝 多謝 感謝 唔該晒 好用 不錯 讚"),
    (0.2, "slow late disappointed disappointing unhappy sad bad worse poor"),
    (0.2, "残念 遅い 不満 がっかり 困っています 困ります"),
    (0.2, "失望 太慢 好慢 唔得 好差 很差 難用 不開心 等太久 等咗好耐"),
    (0.0, "terrible awful horrible worst angry furious scam disgusting useless rubbish"),
    (0.0, "最悪 最低 ひどい 酷い 詐欺 許せない 怒り"),
    (0.0, "垃圾 差評 騙人 呃人 生氣 嬲 離譜 投訴 噁心 太爛 爛透"),
)


def _plain(emoji: str) -> str:
    return _TONES.sub("", emoji)


_SIGNS = {_plain(sign): weight for weight, signs in _EMOJI_WEIGHTS for sign in signs}
_WORDS = {fold(word): weight for weight, words in _WORD_WEIGHTS for word in words.split()}
_WORD = re.compile(
    "|".join(
        rf"(?<![a-z]){re.escape(word)}(?![a-z])" if word.isascii() else re.escape(word) for word in sorted(_WORDS, key=len, reverse=True)
    )
)


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the customer: its words, or the emoji of a reaction."""

    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Mood:
    """`satisfaction` is None when fewer than `LEAST_SIGNS` messages hold a sign; `signs`: how many do. `emoji`: the favourite first."""

    satisfaction: float | None
    signs: int
    emoji: tuple[tuple[str, int], ...]


def emoji_in(text: str) -> list[str]:
    """In the order of the text, without skin tones and presentation marks."""
    return [] if text.isascii() else [_plain(found) for found in _EMOJI.findall(text)]


def shown(emoji: str) -> str:
    """As a picture, also where the character has a plain form."""
    return emoji + "\ufe0f" if len(emoji) == 1 and ord(emoji) < 0x1F000 else emoji


def weight_of(text: str) -> float | None:
    """Of one message, 0 to 1; None when it holds no sign. A row of the same emoji counts once."""
    text = text[:LONGEST]
    weights = [_SIGNS[emoji] for emoji in dict.fromkeys(emoji_in(text)) if emoji in _SIGNS]
    folded = fold(text)
    for found in _WORD.finditer(folded):
        weight = _WORDS[found.group()]
        weights.append(1.0 - weight if negated_by(folded, found.start(), found.end()) else weight)
    return sum(weights) / len(weights) if weights else None


def mood_of(said: Sequence[Said], now: datetime, *, favourites: int = 5) -> Mood:
    """Each message counts once, one that is sixty days older half as much."""
    total = share = 0.0
    signs = 0
    for message in said:
        weight = weight_of(message.text)
        if weight is None:
            continue
        signs += 1
        part = 0.5 ** (max((now - message.at).total_seconds(), 0.0) / 86400 / HALF_LIFE_DAYS)
        total, share = total + part * weight, share + part
    satisfaction = round(total / share, 2) if signs >= LEAST_SIGNS and share else None
    return Mood(satisfaction, signs, favourites_of((message.text for message in said), favourites))


def favourites_of(texts: Iterable[str], most: int) -> tuple[tuple[str, int], ...]:
    """(emoji, how often), the most used first; of equals the one that is met first."""
    return tuple((shown(emoji), count) for emoji, count in Counter(emoji for text in texts for emoji in emoji_in(text)).most_common(most))
