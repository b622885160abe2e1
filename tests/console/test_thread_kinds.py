"""Every kind of message is shown as what it is, and nothing that a stranger puts in breaks the page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from scrm.commerce.models import Product
from scrm.console.inbox import shapes
from scrm.conversations.models import Attachment, Conversation, Decision, Message
from tests import people
from tests.console.thread_rows import said

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def shown(client: Client, conversation: Conversation) -> str:
    html = client.get(f"/admin/inbox/{conversation.pk}/", headers={"X-Requested-With": "fetch"}).content.decode()
    return html[html.index('id="ix-messages"') : html.index('id="ix-pill"')]


def one(client: Client, kind: str, text: str = "", **fields: Any) -> str:
    conversation = people.conversation()
    said(conversation, text, kind=kind, **fields)
    return shown(client, conversation)


class Order:
    ITEMS = [
        {"product_retailer_id": "TEA-01", "quantity": 2, "item_price": "188.5", "currency": "HKD"},
        {"product_retailer_id": "CUP-9", "quantity": "1", "item_price": 60, "currency": "HKD"},
    ]

    def test_is_a_table_with_names_prices_and_the_sum(self, desk: Client) -> None:
        Product.objects.create(sku="TEA-01", name="宇治抹茶 30g")
        html = one(desk, "order", "2 x TEA-01", content={"product_items": self.ITEMS, "text": "請包裝好"})
        assert "宇治抹茶 30g" in html and "HKD 188.50" in html and "HKD 437" in html and "請包裝好" in html

    def test_without_a_price_has_no_sum(self) -> None:
        order = shapes.order_of({"product_items": [*self.ITEMS, {"product_retailer_id": "X", "quantity": 1}]})
        assert order is not None and (len(order.items), order.total) == (3, "")

    def test_in_two_currencies_has_two_sums(self) -> None:
        yen = {"product_retailer_id": "Y", "quantity": 1, "item_price": 1250, "currency": "JPY"}
        order = shapes.order_of({"product_items": [self.ITEMS[1], yen]})
        assert order is not None and order.total == "HKD 60 + JPY 1,250"


class Kinds:
    def test_contact_card_shows_its_ways(self, desk: Client) -> None:
        card = {"name": {"formatted_name": "<b>陳大文</b>"}, "org": {"company": "海港貿易"}, "phones": [{"phone": "+852 9123 4567"}]}
        html = one(desk, "contacts", "陳大文", content={"contacts": [card]})
        assert "&lt;b&gt;陳大文&lt;/b&gt;" in html and "海港貿易" in html and "+852 9123 4567" in html

    def test_place_has_name_address_and_a_link(self, desk: Client) -> None:
        html = one(desk, "location", content={"latitude": 22.313, "longitude": 114.1704, "name": "油麻地", "address": "彌敦道 500 號"})
        assert "油麻地" in html and "彌敦道 500 號" in html and "openstreetmap.org/?mlat=22.313000&amp;mlon=114.170400" in html

    def test_filled_form_shows_field_by_field(self, desk: Client) -> None:
        response = {"flow_token": "secret", "delivery_date": "2026-11-30", "gift_wrap": True, "colours": ["紅", "綠"]}
        html = one(desk, "interactive", "Sent", content={"type": "nfm_reply", "response": response})
        assert "delivery date" in html and "2026-11-30" in html and "紅, 綠" in html and "✓" in html and "secret" not in html

    def test_list_answer_shows_its_explanation(self, desk: Client) -> None:
        chosen = {"type": "list_reply", "title": "自取", "description": "明日 12 時後"}
        assert "明日 12 時後" in one(desk, "interactive", "自取", content=chosen)

    def test_ad_that_led_here_is_a_card_with_its_click(self, desk: Client) -> None:
        ad = {"source_type": "ad", "headline": "抹茶禮盒", "body": "免運費", "source_url": "javascript:alert(1)", "ctwa_clid": "ARAk1"}
        html = one(desk, "text", "想問下", content={"referral": ad})
        assert "抹茶禮盒" in html and "免運費" in html and "ARAk1" in html and "javascript:" not in html

    @pytest.mark.parametrize(
        ("content", "mark"),
        [
            ({"standby": True}, "held by the platform&#x27;s agent"),
            ({"history": True}, "from the phone&#x27;s history"),
            ({"group_id": "g1"}, "in a group"),
            ({"frequently_forwarded": True, "forwarded": True}, "forwarded many times"),
            ({"referred_product": {"product_retailer_id": "TEA-01"}}, "about TEA-01"),
        ],
    )
    def test_that_came_another_way_say_so(self, content: dict[str, Any], mark: str, desk: Client) -> None:
        assert mark in one(desk, "text", "你好", content=content)

    def test_echo_of_the_phone_is_marked(self, desk: Client) -> None:
        html = one(desk, "text", "答咗", direction="out", source="phone_app")
        assert "Phone app" in html and ">smartphone<" in html

    def test_unsupported_names_its_type_and_the_platforms_reason(self, desk: Client) -> None:
        errors = [{"code": 131051, "title": "Message type unknown"}]
        html = one(desk, "unsupported", content={"platform_type": "poll_creation", "errors": errors})
        assert "poll_creation" in html and "Message type unknown" in html

    def test_sticker_that_is_no_file_shows_its_keywords_or_its_kind(self, desk: Client) -> None:
        assert "hello, wave" in one(desk, "sticker", content={"package_id": "1", "keywords": ["hello", "wave"]})
        assert "Sticker" in one(desk, "sticker", content={"package_id": "1"})

    def test_file_that_was_not_handed_over_says_why(self, desk: Client) -> None:
        html = one(desk, "video", content={"errors": [{"code": 131052, "title": "x", "detail": "larger than 100 MB"}]})
        assert "did not hand this file over" in html and "larger than 100 MB" in html

    def test_file_that_is_tried_again_says_when(self, desk: Client) -> None:
        conversation = people.conversation()
        message = said(conversation, "", kind="image")
        due = timezone.now() + timedelta(minutes=9)
        Attachment.objects.create(message=message, kind="image", state="waiting", attempts=2, last_error="Timed out", due_at=due)
        assert "Timed out" in shown(desk, conversation) and "next attempt:" in shown(desk, conversation)

    def test_document_shows_its_name_once_and_its_size(self, desk: Client) -> None:
        conversation = people.conversation()
        message = said(conversation, "報價單.pdf", kind="document")
        Attachment.objects.create(
            message=message, kind="document", state="stored", filename="報價單.pdf", size=482133, due_at=timezone.now(), file="x.pdf"
        )
        html = shown(desk, conversation)
        assert html.count(">報價單.pdf<") == 1 and "470.8" in html


class Changes:
    def test_show_the_newest_words_and_the_earlier_ones_on_demand(self, desk: Client) -> None:
        html = one(desk, "text", "兩盒", content={"earlier": [{"text": "一盒 <b>", "at": "2026-11-18T04:00:00+00:00"}]})
        assert "edited" in html and "Before it was changed" in html and "一盒 &lt;b&gt;" in html

    def test_of_a_shown_message_have_no_bubble_of_their_own(self, desk: Client) -> None:
        conversation = people.conversation()
        said(conversation, "兩盒", external_id="wamid.A", content={"earlier": [{"text": "一盒"}]})
        said(conversation, "兩盒", kind="edit", external_id="", content={"original_id": "wamid.A"})
        assert shown(desk, conversation).count("<article") == 1

    def test_of_a_message_that_is_not_here_are_shown(self, desk: Client) -> None:
        html = one(desk, "edit", "兩盒", external_id="", content={"original_id": "wamid.gone"})
        assert "Changed to" in html and "兩盒" in html

    def test_withdrawn_message_shows_no_content(self, desk: Client) -> None:
        conversation = people.conversation()
        said(conversation, "", external_id="wamid.A", content={"withdrawn": True, "referral": {"headline": "抹茶禮盒"}})
        said(conversation, "", kind="revoke", external_id="", content={"original_id": "wamid.A"})
        html = shown(desk, conversation)
        assert html.count("<article") == 1 and "Withdrawn by the customer." in html and "抹茶禮盒" not in html and "data-reply" not in html


class Reactions:
    def test_are_those_that_the_message_records(self, desk: Client) -> None:
        html = one(desk, "text", "有現貨", direction="out", content={"reactions": {"contact:7": "👍", "us": "🙏"}})
        assert '<p class="ix-reactions"><span>👍</span><span>🙏</span></p>' in html

    def test_to_a_message_of_an_earlier_page_have_no_bubble(self, desk: Client) -> None:
        conversation = people.conversation()
        old = said(conversation, "舊", sent_at=timezone.now() - timedelta(days=9))
        for number in range(50):
            said(conversation, f"第{number}句")
        said(conversation, "👍", kind="reaction", content={"message_id": old.external_id, "emoji": "👍"})
        assert "reacted with" not in shown(desk, conversation)

    def test_of_ours_that_failed_keep_their_reason(self, desk: Client) -> None:
        conversation = people.conversation()
        asked = said(conversation, "好嗎?")
        said(
            conversation,
            "👍",
            kind="reaction",
            direction="out",
            state="failed",
            error_code="131009",
            content={"message_id": asked.external_id, "emoji": "👍"},
        )
        html = shown(desk, conversation)
        assert "reacted with 👍" in html and "131009" in html and "ix-reactions" not in html


class Held:
    def held(self, **fields: Any) -> tuple[Conversation, Message]:
        conversation = people.conversation()
        message = said(conversation, "今晚八折", direction="out", kind="template", **fields)
        return conversation, message

    def test_message_says_its_rule_counters_and_next_moment(self, desk: Client) -> None:
        conversation, message = self.held(state="queued")
        Decision.objects.create(
            contact=conversation.identity.contact,
            connection=conversation.connection,
            message=message,
            asked_by="agent",
            moment="queue",
            verdict="defer",
            rule="promotion_weekly",
            until=timezone.now() + timedelta(days=3),
            counters={"promotions_7d": 1, "limit": 1},
            decided_at=timezone.now(),
        )
        html = shown(desk, conversation)
        assert "One promotion a week." in html and "promotions to this customer in 7 days: 1 of at most 1" in html
        assert "Next allowed:" in html and f"/admin/messages/{message.pk}/why/" in html

    def test_send_that_is_tried_again_says_why_and_when(self, desk: Client) -> None:
        due = timezone.now() + timedelta(minutes=5)
        conversation, _ = self.held(state="queued", error_code="131016", attempts=1, due_at=due)
        html = shown(desk, conversation)
        assert "131016" in html and "Waits." in html and "Do not send" in html


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = ["contacts", "product_items", "response", "buttons", "sections", "reactions", "earlier", "errors", "latitude", "longitude", "name"]


class Shapes:
    pytestmark: list[Any] = []

    @given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5), JSON)
    def test_never_break_on_what_strangers_send(self, content: dict[str, Any], referral: Any) -> None:
        readers = (shapes.cards_of, shapes.order_of, shapes.answers_of, shapes.choices_of, shapes.place_of, shapes.reactions_of)
        for read in (*readers, shapes.earlier_of, shapes.errors_of, shapes.product_of):
            read(content)
        shapes.referral_of(referral)

    @given(st.lists(st.dictionaries(st.sampled_from(["product_retailer_id", "quantity", "item_price", "currency"]), JSON), max_size=3))
    def test_take_any_order(self, items: list[Any]) -> None:
        shapes.order_of({"product_items": items})
