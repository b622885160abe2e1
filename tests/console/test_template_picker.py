"""The composer's template picker: filled as far as the customer is known, in their language first, and never sent half filled."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from connectors.errors import Unreachable
from scrm.commerce.models import Order
from scrm.console.inbox import templates as picking
from scrm.contacts.models import Contact
from scrm.conversations.models import Conversation, Message, MessageTemplate
from tests import people

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

BODY = {"type": "BODY", "text": "您好 {{1}}，您的訂單 {{2}} 已寄出。"}
TAP = {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "想知多啲"}]}
JPEG = b"\xff\xd8\xff\xe0" + b"x" * 60


def approved(**fields: Any) -> MessageTemplate:
    row = {"connection": people.hong_kong(), "name": "order_sent", "language": "zh_HK", "category": "UTILITY", "status": "APPROVED"}
    return MessageTemplate.objects.create(**{**row, "components": [BODY], "synced_at": timezone.now(), **fields})


def closed(**contact: Any) -> Conversation:
    conversation = people.conversation(window_open=False)
    Contact.objects.filter(pk=conversation.identity.contact_id).update(**contact)
    return conversation


def shown(desk: Client, conversation: Conversation) -> str:
    return desk.get(f"/admin/inbox/{conversation.pk}/templates/").content.decode()


def send(desk: Client, conversation: Conversation, template: MessageTemplate, **fields: Any) -> Any:
    body = {"mode": "template", "template": template.pk, "idempotency_key": str(uuid.uuid4()), **fields}
    return desk.post(f"/admin/inbox/{conversation.pk}/send/", body, headers={"X-Requested-With": "fetch"})


class FakePlatform:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.taken: list[tuple[int, str, str]] = []

    def upload(self, content: bytes, mime_type: str, filename: str) -> str:
        if self.error:
            raise self.error
        self.taken.append((len(content), mime_type, filename))
        return "777"


class Choices:
    def test_are_filled_with_what_is_known_of_the_customer(self, desk: Client) -> None:
        conversation = closed(name="佐藤 健", country="JP", language="ja")
        Order.objects.create(
            number="JP-7", contact_id=conversation.identity.contact_id, status="paid", currency="JPY", total=1, placed_at=timezone.now()
        )
        approved(
            variables={"body_1": {"source": "contact.first_name", "fallback": "様"}, "body_2": {"source": "order.number", "fallback": ""}}
        )
        page = shown(desk, conversation)
        assert 'value="佐藤"' in page and 'value="JP-7"' in page

    def test_suggest_the_name_where_nobody_said_what_belongs_there(self, desk: Client) -> None:
        approved()
        page = shown(desk, closed(name="Mary Chan", country="HK"))
        assert 'name="place_body_1" value="Mary"' in page and 'name="place_body_2" value=""' in page

    def test_begin_with_the_customers_language(self, desk: Client) -> None:
        for language in ("en", "ja", "zh_CN", "zh_HK", "zh_TW"):
            approved(language=language)
        page = shown(desk, closed(language="zh-TW"))
        order = [page.index(f"· {code} ·") for code in ("zh_TW", "zh_HK", "en")]
        assert order == sorted(order)

    @pytest.mark.parametrize("status", ["PENDING", "PAUSED", "REJECTED", "DISABLED", "DELETED", "DRAFT"])
    def test_leave_out_what_cannot_be_sent(self, status: str, desk: Client) -> None:
        approved(status=status)
        assert "order_sent" not in shown(desk, closed())

    def test_say_which_kinds_cannot_be_sent_from_here(self, desk: Client) -> None:
        approved(components=[{"type": "HEADER", "format": "AUDIO"}, BODY])
        assert "disabled data-category" in shown(desk, closed())

    def test_are_drawn_as_on_a_phone_with_cards_side_by_side(self, desk: Client) -> None:
        cards = [
            {"components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": f"*{name}* {{{{1}}}} 元"}, TAP]}
            for name in ("精華", "防曬乳")
        ]
        row = approved(components=[BODY, {"type": "CAROUSEL", "cards": cards}])
        drawn = shown(desk, closed()).partition(f'data-preview-of="{row.pk}"')[2]
        assert drawn.index("您的訂單 {{body_2}}") < drawn.index('class="tp-cards"') < drawn.index("<b>精華</b> {{card_0_body_1}} 元")
        assert drawn.count('class="tp-media"') == drawn.count("想知多啲") == 2 and "<b>防曬乳</b> {{card_1_body_1}} 元" in drawn

    def test_cost_the_same_for_one_template_and_for_thirty(self, desk: Client, django_assert_max_num_queries: Any) -> None:
        conversation = closed()
        mapped = {"body_1": {"source": "order.number", "fallback": "-"}, "body_2": {"source": "shipment.carrier", "fallback": "-"}}
        for n in range(30):
            approved(name=f"order_{n}", variables=mapped)
        with django_assert_max_num_queries(12):
            shown(desk, conversation)

    def test_show_markup_of_a_customers_name_as_text(self, desk: Client) -> None:
        approved()
        assert "<img src" not in shown(desk, closed(name="<img src=x>"))


class Sending:
    @pytest.mark.parametrize("nasty", ["{{7*7}}", "{{2}}", "{% debug %}", "${7*7}"])
    def test_takes_what_is_typed_as_it_is(self, nasty: str, desk: Client) -> None:
        assert send(desk, closed(), approved(), place_body_1=nasty, place_body_2="HK-1").status_code == 200
        assert Message.objects.get().text == f"您好 {nasty}，您的訂單 HK-1 已寄出。"

    def test_names_the_place_that_is_missing(self, desk: Client) -> None:
        answer = send(desk, closed(), approved(), place_body_1="陳生", place_body_2="\n ")
        assert answer.status_code == 422 and "2" in answer.json()["error"] and "{{" not in answer.json()["error"]
        assert not Message.objects.exists()

    def test_hands_a_headers_file_over_first(self, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        platform = FakePlatform()
        monkeypatch.setattr(picking, "channel_of", lambda connection: platform)
        template = approved(components=[{"type": "HEADER", "format": "IMAGE"}, BODY])
        upload = SimpleUploadedFile("箱.jpg", JPEG, "image/jpeg")
        assert send(desk, closed(), template, place_body_1="a", place_body_2="b", place_header=upload).status_code == 200
        assert Message.objects.get().content["components"][0] == {
            "type": "header",
            "parameters": [{"type": "image", "image": {"id": "777"}}],
        }
        assert platform.taken == [(64, "image/jpeg", "箱.jpg")]

    def test_hands_no_file_over_for_a_message_that_cannot_go(self, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        platform = FakePlatform()
        monkeypatch.setattr(picking, "channel_of", lambda connection: platform)
        template = approved(components=[{"type": "HEADER", "format": "IMAGE"}, BODY])
        upload = SimpleUploadedFile("a.jpg", JPEG, "image/jpeg")
        assert send(desk, closed(), template, place_body_1="a", place_header=upload).status_code == 422
        assert not platform.taken

    @pytest.mark.parametrize("body", [b"", b"<svg onload=alert(1)>", b"%PDF-1.7"])
    def test_refuses_a_file_of_another_kind(self, body: bytes, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(picking, "channel_of", lambda connection: FakePlatform())
        template = approved(components=[{"type": "HEADER", "format": "IMAGE"}, BODY])
        upload = SimpleUploadedFile("a.jpg", body, "image/jpeg")
        assert send(desk, closed(), template, place_body_1="a", place_body_2="b", place_header=upload).status_code == 422

    def test_says_when_the_platform_does_not_take_the_file(self, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(picking, "channel_of", lambda connection: FakePlatform(Unreachable("no route")))
        template = approved(components=[{"type": "HEADER", "format": "IMAGE"}, BODY])
        upload = SimpleUploadedFile("a.jpg", JPEG, "image/jpeg")
        answer = send(desk, closed(), template, place_body_1="a", place_body_2="b", place_header=upload)
        assert answer.status_code == 422 and "no route" in answer.json()["error"]

    def test_takes_a_place_as_an_agent_pastes_it(self, desk: Client) -> None:
        template = approved(components=[{"type": "HEADER", "format": "LOCATION"}, BODY])
        assert send(desk, closed(), template, place_body_1="a", place_body_2="b", place_header="22.2796, 114.1887").status_code == 200
        assert Message.objects.get().content["components"][0]["parameters"][0]["location"]["latitude"] == "22.2796"
        assert send(desk, closed(), template, place_body_1="a", place_body_2="b", place_header="there").status_code == 422
