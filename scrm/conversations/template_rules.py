"""A template's draft held against the platform's rules before it is submitted, with a sentence for each field. Pure.

The pieces' rules are in `template_piece_rules`, those of offers and cards in `template_layout_rules`. What is filed as marketing: the
platform's template categorisation guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from scrm.conversations import template_layout_rules as layouts
from scrm.conversations import template_piece_rules as pieces
from scrm.conversations.template_parts import Parts
from scrm.conversations.template_piece_rules import Finding, words_in

__all__ = ["LANGUAGES", "Draft", "Finding", "check", "errors_of", "marketing_signs", "words_in"]

NAME = re.compile(r"[a-z0-9_]{1,512}")
CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
CODE_MINUTES = range(1, 91)
_LANGUAGES = """
af sq ar az bn bg ca zh_CN zh_HK zh_TW hr cs da nl en en_GB en_US et fil fi fr ka de el gu ha he hi hu id ga it ja kn kk rw_RW ko ky_KG
lo lv lt mk ms ml mr nb fa pl pt_BR pt_PT pa ro ru sr sk sl es es_AR es_ES es_MX sw sv ta te th tr uk ur uz vi zu
"""
LANGUAGES = frozenset(_LANGUAGES.split())

# What the categorisation guide files as marketing, in the words of our four markets.
_SIGNS: dict[str, re.Pattern[str]] = {
    "offer": re.compile(
        r"\b(discount|sale|coupon|promo(?:tion)?s?|voucher|special offer|limited time|free gift|cash ?back|\d+ ?% off)\b"
        r"|割引|セール|クーポン|お得|特典|キャンペーン|限定価格|プレゼント"
        r"|優惠|折扣|[\d一二三四五六七八九]+折|特價|促銷|限時|贈品|優待|优惠|特价|促销|限时|赠品|代金券",
        re.IGNORECASE,
    ),
    "cart": re.compile(
        r"\b(cart|basket|checkout|left (?:something )?behind)\b|カート|買い忘れ|購物車|购物车|尚未結帳|未结账", re.IGNORECASE
    ),
    "win_back": re.compile(
        r"\b(miss(?:ed)? you|come back|been a while|long time no see)\b"
        r"|お久しぶり|ご無沙汰|好久不見|想念|回來看看|好久不见|回来看看",
        re.IGNORECASE,
    ),
    "birthday": re.compile(r"\b(birthday|anniversary)\b|誕生日|バースデー|生日|周年", re.IGNORECASE),
    "survey": re.compile(r"\b(survey|feedback|rate us|review us)\b|アンケート|ご意見|問卷|意見調查|评价|問卷調查|问卷", re.IGNORECASE),
}
_ORDER = re.compile(r"\b(order|booking|appointment|delivery|purchase)\b|注文|予約|お届け|訂單|預約|包裹|订单|预约", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Draft:
    """`has_sample`: an example file of the header is stored here; `sampled`: of which cards one is."""

    name: str
    language: str
    category: str
    parts: Parts
    has_sample: bool = False
    sampled: frozenset[int] = frozenset()


def check(draft: Draft) -> list[Finding]:
    """Everything that the platform would refuse or file differently, in the order of the form."""
    found, parts = [*_frame(draft)], draft.parts
    if draft.category == "AUTHENTICATION":
        return [*found, *_authentication(parts)]
    return [
        *found,
        *pieces.header(parts, has_sample=draft.has_sample),
        *pieces.body(parts.body),
        *pieces.footer(parts),
        *pieces.buttons_together(parts.buttons),
        *pieces.examples(parts),
        *layouts.products(parts, draft.category),
        *(layouts.offer(parts, draft.category) if parts.offer is not None else ()),
        *(layouts.carousel(parts, draft.category, draft.sampled) if parts.cards else ()),
        *_category(draft),
    ]


def errors_of(draft: Draft) -> list[Finding]:
    return [finding for finding in check(draft) if not finding.warning]


def _frame(draft: Draft) -> Iterator[Finding]:
    if not NAME.fullmatch(draft.name):
        yield Finding("name", _("The name has lower-case letters, digits and _ only, at most 512 of them."))
    if draft.language not in LANGUAGES:
        yield Finding("language", _("WhatsApp has no templates in this language."))
    if draft.category not in CATEGORIES:
        yield Finding("category", _("Choose a category."))


def _category(draft: Draft) -> Iterator[Finding]:
    if draft.category != "UTILITY":
        return
    parts = draft.parts
    if any(button.kind == "COPY_CODE" for button in parts.buttons):
        yield Finding("category", _("A code to copy makes it a promotion in WhatsApp's eyes."), warning=True)
    signs = marketing_signs("\n".join([parts.header_text, parts.body, parts.footer, *(button.text for button in parts.buttons)]))
    if signs:
        words = ", ".join(dict.fromkeys(signs.values()))
        text = _(
            "This reads like a promotion (%(words)s). WhatsApp files abandoned carts, win-back, price offers, birthdays, order "
            "news mixed with an offer, and surveys that name no order as marketing, whatever is chosen here."
        )
        yield Finding("category", text % {"words": words}, warning=True)


def marketing_signs(text: str) -> Mapping[str, str]:
    """What makes a text a promotion in the platform's eyes: {sign: the words found}. A survey that names an order is none."""
    found = {sign: hit[0] for sign, pattern in _SIGNS.items() if (hit := pattern.search(text))}
    if "survey" in found and _ORDER.search(text):
        del found["survey"]
    return found


def _authentication(parts: Parts) -> Iterator[Finding]:
    if parts.code_minutes is not None and parts.code_minutes not in CODE_MINUTES:
        yield Finding("code_minutes", _("A code lives 1 to 90 minutes."))
    if parts.buttons and parts.buttons[0].text:
        yield from pieces.too_long("button_0", parts.buttons[0].text, pieces.BUTTON_TEXT)
