"""A carousel that was sent, in the conversation: cards side by side, with the values that this customer got."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from scrm.conversations.models import Conversation, Message, MessageTemplate
from scrm.conversations.template_sent import values_in
from scrm.conversations.template_text import fill
from tests import people
from tests.console.test_template_picker import approved

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def card(name: str) -> dict[str, Any]:
    buttons = [
        {"type": "URL", "text": "購買", "url": "https://shop.example/p/{{1}}"},
        {"type": "QUICK_REPLY", "text": f"想知道{name}"},
    ]
    return {
        "components": [
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": f"{name}，只售 {{{{1}}}} 元。"},
            {"type": "BUTTONS", "buttons": buttons},
        ]
    }


COMPONENTS = [
    {"type": "BODY", "text": "您好 {{1}}，本月新品已經到店。"},
    {"type": "CAROUSEL", "cards": [card("玫瑰精華"), card("綠茶面膜")]},
]
VALUES = {
    "body_1": "陳<b>生",
    "card_0_header": {"id": "11"},
    "card_0_body_1": "188",
    "card_0_button_0": "serum",
    "card_1_header": {"link": "https://shop.example/mask.jpg"},
    "card_1_body_1": "96",
    "card_1_button_0": "mask",
}


def sent(conversation: Conversation, template: MessageTemplate, **content: Any) -> Message:
    filled = fill(template.components, VALUES)
    now = timezone.now()
    return Message.objects.create(
        conversation=conversation,
        connection=conversation.connection,
        direction="out",
        kind="template",
        text=filled.text,
        content={"name": template.name, "language": template.language, "components": filled.components, **content},
        state="sent",
        source="agent",
        sent_at=now,
        created_at=now,
    )


def thread(desk: Client, conversation: Conversation) -> str:
    return desk.get(f"/admin/inbox/{conversation.pk}/").content.decode()


class SentCarousel:
    def test_is_drawn_as_cards_with_its_values(self, desk: Client) -> None:
        conversation = people.conversation()
        sent(conversation, approved(name="new_in", components=COMPONENTS))
        page = thread(desk, conversation)
        words, _row, cards = page.partition('<div class="tp-cards"')
        assert "您好 陳&lt;b&gt;生，本月新品已經到店。" in words and "玫瑰精華，只售" not in words.split('class="ix-m')[-1]
        assert cards.count('class="tp-bubble"') == 2
        assert "玫瑰精華，只售 188 元。" in cards and "綠茶面膜，只售 96 元。" in cards
        assert cards.count("購買") == 2 and "想知道綠茶面膜" in cards

    def test_of_a_template_that_was_changed_or_is_gone_stays_as_words(self, desk: Client) -> None:
        conversation = people.conversation()
        template = approved(name="new_in", components=COMPONENTS)
        sent(conversation, template)
        template.components = [COMPONENTS[0], {"type": "CAROUSEL", "cards": [card("玫瑰精華"), card("椰子油")]}]
        template.save()
        for _ in ("changed", "gone"):
            page = thread(desk, conversation)
            assert "tp-cards" not in page and "綠茶面膜，只售 96 元。" in page
            MessageTemplate.objects.all().delete()

    def test_that_was_withdrawn_is_not_drawn(self, desk: Client) -> None:
        conversation = people.conversation()
        sent(conversation, approved(name="new_in", components=COMPONENTS), withdrawn=True)
        assert "tp-cards" not in thread(desk, conversation)

    def test_many_cost_one_query_more(self, desk: Client) -> None:
        conversation, other = people.conversation(), people.conversation(people.customer(phone="85291234568"))
        template = approved(name="new_in", components=COMPONENTS)
        for _ in range(5):
            sent(conversation, template)
        sent(other, template)
        counts = []
        thread(desk, conversation)
        for each in (conversation, other):
            with CaptureQueriesContext(database) as queries:
                thread(desk, each)
            counts.append(sum("conversations_messagetemplate" in query["sql"] for query in queries))
        assert counts == [1, 1]


class ValuesOfARequest:
    def test_are_those_that_were_put_in(self) -> None:
        texts = {key: value for key, value in VALUES.items() if isinstance(value, str)}
        assert values_in(COMPONENTS, fill(COMPONENTS, VALUES).components) == texts

    @pytest.mark.parametrize(
        "request_", [None, [None], [{"type": "carousel", "cards": [None, {"components": 3}]}], [{"type": "body", "parameters": [1]}]]
    )
    def test_of_another_shape_are_none(self, request_: Any) -> None:
        assert values_in(COMPONENTS, request_) == {}
