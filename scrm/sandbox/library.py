"""Approved message templates that every number starts with, in its customers' language and in English."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from scrm.sandbox.identifiers import new_object_id
from scrm.sandbox.models import MessageTemplate, Number
from scrm.sandbox.router import ALIAS

Component = dict[str, Any]


def _body(text: str, *examples: str) -> Component:
    return {"type": "BODY", "text": text} | ({"example": {"body_text": [list(examples)]}} if examples else {})


def _replies(*texts: str) -> Component:
    return {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": text} for text in texts]}


def _order_update(body: str, footer: str, track: str, question: str, name: str) -> list[Component]:
    url = {"type": "URL", "text": track, "url": "https://track.example.com/{{1}}", "example": ["https://track.example.com/A1024"]}
    buttons = {"type": "BUTTONS", "buttons": [url, {"type": "QUICK_REPLY", "text": question}]}
    return [_body(body, name, "A1024"), {"type": "FOOTER", "text": footer}, buttons]


# name, category, language, components
LIBRARY: tuple[tuple[str, str, str, list[Component]], ...] = (
    (
        "order_update",
        "UTILITY",
        "en",
        _order_update("Hello {{1}}, your order {{2}} is on its way.", "Harbour Beauty", "Track", "Ask a question", "Wei Ling"),
    ),
    (
        "order_update",
        "UTILITY",
        "ja",
        _order_update(
            "いつもありがとうございます。{{1}}様、ご注文 {{2}} を発送しました。", "Harbour Beauty", "配送状況", "質問する", "佐藤"
        ),
    ),
    (
        "order_update",
        "UTILITY",
        "zh_HK",
        _order_update("你好 {{1}}，你的訂單 {{2}} 已經寄出。", "Harbour Beauty", "查詢進度", "我有問題", "陳生"),
    ),
    (
        "order_update",
        "UTILITY",
        "zh_TW",
        _order_update("您好 {{1}}，您的訂單 {{2}} 已出貨。", "Harbour Beauty", "查詢進度", "我有問題", "林小姐"),
    ),
    (
        "continue_chat",
        "UTILITY",
        "en",
        [_body("Hello {{1}}, we have an answer to your question. May we continue here?", "Wei Ling"), _replies("Yes, please", "Not now")],
    ),
    (
        "continue_chat",
        "UTILITY",
        "ja",
        [
            _body("こんにちは、{{1}}様。お問い合わせの件でご連絡いたしました。こちらでご案内してもよろしいですか?", "佐藤"),
            _replies("はい", "後で"),
        ],
    ),
    (
        "continue_chat",
        "UTILITY",
        "zh_HK",
        [_body("你好 {{1}}，關於你的查詢我們已有答覆，可以在這裏繼續嗎？", "陳生"), _replies("可以", "遲些再說")],
    ),
    (
        "continue_chat",
        "UTILITY",
        "zh_TW",
        [_body("您好 {{1}}，關於您的詢問我們已有答覆，方便在這裡繼續嗎？", "林小姐"), _replies("可以", "晚點再說")],
    ),
    (
        "weekly_offer",
        "MARKETING",
        "en",
        [
            _body("Hi {{1}}, this week {{2}} off everything for your skin. Reply STOP to opt out.", "Wei Ling", "10%"),
            _replies("Show me", "STOP"),
        ],
    ),
    (
        "weekly_offer",
        "MARKETING",
        "ja",
        [
            _body(
                "こんにちは、{{1}}様。今週はスキンケア全品{{2}}オフです。配信停止をご希望の方は「配信停止」とご返信ください。",
                "佐藤",
                "10%",
            ),
            _replies("見てみる", "配信停止"),
        ],
    ),
    (
        "weekly_offer",
        "MARKETING",
        "zh_HK",
        [_body("你好 {{1}}，今個星期護膚品全線減 {{2}}。如不想再收到，請回覆「退訂」。", "陳生", "10%"), _replies("睇睇", "退訂")],
    ),
    (
        "weekly_offer",
        "MARKETING",
        "zh_TW",
        [_body("您好 {{1}}，本週保養品全面 {{2}} 折扣。若不想再收到，請回覆「退訂」。", "林小姐", "10%"), _replies("看看", "退訂")],
    ),
)


def ensure_templates() -> int:
    """Create what is missing for every number; returns how many were created."""
    with transaction.atomic(using=ALIAS):
        existing = set(MessageTemplate.objects.values_list("number_id", "name", "language"))
        rows = [
            MessageTemplate(
                template_id=new_object_id(16),
                number=number,
                name=name,
                language=language,
                category=category,
                status="APPROVED",
                quality="GREEN",
                components=components,
            )
            for number in Number.objects.all()
            for name, category, language, components in LIBRARY
            if (number.pk, name, language) not in existing
        ]
        MessageTemplate.objects.bulk_create(rows)
    return len(rows)
