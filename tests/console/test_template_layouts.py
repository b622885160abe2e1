"""Offers and carousels in the template editor and the picker: written, drawn, submitted, sent with their files and ends."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from scrm.console.inbox import templates as picking
from scrm.conversations import template_files
from scrm.conversations.models import Message, MessageTemplate
from tests import people
from tests.console.test_template_editor import URL, Platform, platform
from tests.console.test_template_picker import closed, send, shown

__all__ = ["platform"]
pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

JPEG = b"\xff\xd8\xff\xe0" + b"x" * 60
OFFER = {
    "name": "summer",
    "language": "zh_HK",
    "category": "MARKETING",
    "layout": "OFFER",
    "offer": "夏日限時優惠",
    "offer_ends": "on",
    "body": "您好 {{1}}，夏日護膚品全線優惠只限本週，把握機會。",
    "example_body_1": "陳生",
    "fallback_body_1": "顧客",
    "fallback_offer": "72",
    "button_0_kind": "COPY_CODE",
    "button_0_value": "SUMMER10",
    "button_1_kind": "URL",
    "button_1_text": "立即選購",
    "button_1_value": "https://shop.example/o?code={{1}}",
    "button_1_example": "https://shop.example/o?code=SUMMER",
}


def card(index: int, name: str, *, file: bytes | None = JPEG) -> dict[str, Any]:
    fields: dict[str, Any] = {
        f"card_{index}_body": f"{name}，只售 {{{{1}}}} 元，送完即止。",
        f"example_card_{index}_body_1": "188",
        f"card_{index}_button_0_text": "購買",
        f"card_{index}_button_0_value": "https://shop.example/p/{{1}}",
        f"card_{index}_button_0_example": "https://shop.example/p/serum",
    }
    return fields | ({f"card_{index}_file": SimpleUploadedFile(f"{name}.jpg", file, "image/jpeg")} if file else {})


def carousel(*names: str) -> dict[str, Any]:
    common = {
        "name": "new_in",
        "language": "zh_HK",
        "category": "MARKETING",
        "layout": "CARDS",
        "body": "您好 {{1}}，本月新品已經到店，歡迎選購。",
        "example_body_1": "陳生",
        "cards_format": "IMAGE",
        "card_button_0_kind": "URL",
        # What another layout left behind in fields that are hidden now.
        "footer": "Harbour Beauty",
        "header_format": "TEXT",
        "header_text": "新品",
    }
    return common | {name: value for index, words in enumerate(names) for name, value in card(index, words).items()}


def write(client: Client, fields: dict[str, Any], act: str = "save") -> Any:
    return client.post(f"{URL}add/", {**fields, "connection": people.hong_kong().pk, "act": act})


def drawn(client: Client, fields: dict[str, Any]) -> str:
    return str(client.post(f"{URL}preview/", fields).json()["phone"])


class Handing(Platform):
    """A platform that takes files, too."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []

    def upload(self, content: bytes, mime_type: str, filename: str) -> str:
        self.taken.append(filename)
        return f"id-{filename}"


class Offers:
    def test_are_submitted_with_heading_code_and_link(self, owner: Client, platform: Platform) -> None:
        assert write(owner, OFFER, "submit").status_code == 302
        (made,) = platform.creations
        assert [part["type"] for part in made["components"]] == ["LIMITED_TIME_OFFER", "BODY", "BUTTONS"]
        assert made["components"][0]["limited_time_offer"] == {"text": "夏日限時優惠", "has_expiration": True}
        assert made["components"][2]["buttons"][0] == {"type": "COPY_CODE", "example": "SUMMER10"}

    def test_come_back_into_the_form(self, owner: Client, platform: Platform) -> None:
        html = owner.get(write(owner, OFFER)["Location"]).content.decode()
        assert 'value="OFFER" selected' in html and "夏日限時優惠" in html and 'name="fallback_offer" value="72"' in html

    def test_are_drawn_with_code_and_what_is_left(self, owner: Client) -> None:
        phone = drawn(owner, OFFER)
        assert "夏日限時優惠" in phone and "Code: SUMMER10" in phone and "Ends in 3\N{NO-BREAK SPACE}days" in phone
        assert "Nothing that the platform would refuse." in phone

    def test_say_in_words_what_is_wrong(self, owner: Client) -> None:
        phone = drawn(owner, {**OFFER, "offer": "字" * 17, "category": "UTILITY", "button_1_kind": ""})
        for words in ("17 characters; WhatsApp takes 16.", "is a promotion; choose that category", "needs a button with a link"):
            assert words in phone

    def test_leave_no_trace_when_another_layout_is_chosen(self, owner: Client, platform: Platform) -> None:
        write(owner, {**OFFER, "layout": ""}, "submit")
        assert "LIMITED_TIME_OFFER" not in {part["type"] for part in platform.creations[0]["components"]}


class Carousels:
    def test_are_submitted_with_a_file_for_every_card(self, owner: Client, platform: Platform) -> None:
        assert write(owner, carousel("精華", "防曬乳", "面膜"), "submit").status_code == 302
        (made,) = platform.creations
        assert [part["type"] for part in made["components"]] == ["BODY", "CAROUSEL"]
        cards = made["components"][1]["cards"]
        assert len(cards) == 3
        assert all(one["components"][0] == {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::h"]}} for one in cards)
        assert cards[1]["components"][1] == {
            "type": "BODY",
            "text": "防曬乳，只售 {{1}} 元，送完即止。",
            "example": {"body_text": [["188"]]},
        }

    def test_come_back_into_the_form_and_keep_their_files(self, owner: Client, platform: Platform) -> None:
        location = write(owner, carousel("精華", "防曬乳"))["Location"]
        html = owner.get(location).content.decode()
        assert "防曬乳，只售" in html and 'name="card_1_kept" value="1"' in html and "防曬乳.jpg" in html
        again = {**carousel(), **card(0, "精華", file=None), **card(1, "防曬乳", file=None), "card_0_kept": "0", "card_1_kept": "1"}
        assert owner.post(location, {**again, "act": "submit"}).status_code == 302
        assert len(platform.creations) == 1

    def test_move_their_file_with_the_card(self, owner: Client, platform: Platform) -> None:
        location = write(owner, carousel("精華", "防曬乳", "面膜"))["Location"]
        before = MessageTemplate.objects.get().examples["cards"]
        left = {**carousel(), **card(0, "防曬乳", file=None), **card(1, "面膜", file=None), "card_0_kept": "1", "card_1_kept": "2"}
        owner.post(location, {**left, "act": "save"})
        assert MessageTemplate.objects.get().examples["cards"] == {"0": before["1"], "1": before["2"]}

    def test_are_drawn_side_by_side(self, owner: Client) -> None:
        phone = drawn(owner, carousel("精華", "防曬乳"))
        assert phone.count('<div class="tp-bubble">') == 3 and "188" in phone and "Nothing that the platform would refuse." in phone
        assert "Harbour Beauty" not in phone

    def test_are_drawn_for_a_customer(self, owner: Client) -> None:
        conversation = people.conversation(people.customer(name="陳大文"))
        known = {"source_card_1_body_1": "contact.name", "fallback_card_0_body_1": "99"}
        ends = {f"fallback_card_{n}_button_0": "serum" for n in (0, 1)}
        phone = drawn(owner, {**carousel("精華", "防曬乳"), **known, **ends, "fallback_body_1": "客", "preview_with": conversation.pk})
        assert "只售 陳大文 元" in phone and "只售 99 元" in phone and "no value" not in phone

    def test_name_the_card_that_lacks_a_value(self, owner: Client) -> None:
        conversation = people.conversation(people.customer(name="陳大文"))
        assert "Card 2: {{1}}" in drawn(owner, {**carousel("精華", "防曬乳"), "preview_with": conversation.pk})

    def test_say_in_words_what_is_wrong(self, owner: Client) -> None:
        one = drawn(owner, carousel("精華"))
        assert "2 to 10 cards stand side by side." in one
        uneven = drawn(owner, {**carousel("精華", "防曬乳"), "card_1_body": ""})
        assert "Give every card a text, or none." in uneven

    def test_take_no_file_of_another_kind(self, owner: Client, platform: Platform) -> None:
        answer = write(owner, {**carousel("精華", "防曬乳"), **card(1, "防曬乳", file=b"<svg>")})
        assert answer.status_code == 422 and "Card 2: A header takes" in answer.content.decode()
        assert not MessageTemplate.objects.exists()

    @pytest.mark.parametrize("nonsense", [{"card_0_kept": "99"}, {"card_0_kept": "-1"}, {"cards_format": "X"}, {"card_button_0_kind": "X"}])
    def test_of_nonsense_do_not_break(self, owner: Client, nonsense: dict[str, str]) -> None:
        drawn(owner, carousel("精華", "防曬乳") | nonsense)

    def test_of_an_approved_template_take_new_sources_alone(self, owner: Client, platform: Platform) -> None:
        location = write(owner, carousel("精華", "防曬乳"))["Location"]
        MessageTemplate.objects.update(status="APPROVED", external_id="7")
        owner.post(location, {"act": "variables", "fallback_card_1_body_1": "88", "card_0_body": "別的"})
        row = MessageTemplate.objects.get()
        assert row.variables == {"card_1_body_1": {"source": "", "fallback": "88"}}
        assert "別的" not in str(row.components)


class Sending:
    @pytest.fixture
    def taking(self, monkeypatch: pytest.MonkeyPatch, platform: Platform) -> Handing:
        made = Handing()
        for module in (picking, template_files):
            monkeypatch.setattr(module, "channel_of", lambda connection: made)
        cache.clear()
        return made

    def approved(self, owner: Client, fields: dict[str, Any]) -> MessageTemplate:
        write(owner, fields)
        MessageTemplate.objects.update(status="APPROVED", external_id="7")
        return MessageTemplate.objects.get()

    def test_reads_the_offers_end_where_the_customer_lives(self, owner: Client, desk: Client, taking: Handing) -> None:
        template, conversation = self.approved(owner, OFFER), closed(country="HK", time_zone="Asia/Tokyo")
        page = shown(desk, conversation)
        assert 'type="datetime-local" name="place_offer"' in page and "Asia/Tokyo" in page
        ends = (timezone.now() + timedelta(days=30)).strftime("%Y-%m-%dT21:00")
        values = {"place_body_1": "陳生", "place_button_0": "SUMMER10", "place_button_1": "SUMMER10"}
        assert send(desk, conversation, template, place_offer=ends, **values).status_code == 200
        sent = Message.objects.get().content["components"]
        at = sent[0]["parameters"][0]["limited_time_offer"]["expiration_time_ms"]
        assert at % 86_400_000 == 12 * 3_600_000  # 21:00 in Tokyo
        assert sent[2] == {
            "type": "button",
            "sub_type": "copy_code",
            "index": "0",
            "parameters": [{"type": "coupon_code", "coupon_code": "SUMMER10"}],
        }

    def test_suggests_the_hours_of_the_template(self, owner: Client, desk: Client, taking: Handing) -> None:
        self.approved(owner, OFFER)
        assert f'value="{(timezone.now() + timedelta(hours=80)).strftime("%Y-%m-%dT")}' in shown(desk, closed(country="HK"))

    def test_refuses_an_offer_that_is_over(self, owner: Client, desk: Client, taking: Handing) -> None:
        template = self.approved(owner, OFFER)
        values = {"place_body_1": "陳生", "place_button_0": "SUMMER10", "place_button_1": "SUMMER10", "place_offer": "2020-01-01T10:00"}
        answer = send(desk, closed(), template, **values)
        assert answer.status_code == 422 and "over already" in answer.json()["error"]

    def test_takes_the_pictures_that_lie_here_once(self, owner: Client, desk: Client, taking: Handing) -> None:
        template = self.approved(owner, carousel("精華", "防曬乳"))
        page = shown(desk, closed())
        assert "Nothing chosen: 精華.jpg goes." in page
        values = {"place_body_1": "陳生"}
        for n in (0, 1):
            values |= {f"place_card_{n}_body_1": "88", f"place_card_{n}_button_0": "serum"}
        for phone in ("+85291234567", "+85291234568"):
            chat = people.conversation(people.customer(name="陳大文", phone=phone), window_open=False)
            assert send(desk, chat, template, **values).status_code == 200
        assert taking.taken == ["精華.jpg", "防曬乳.jpg"]
        cards = Message.objects.order_by("pk").last().content["components"][1]["cards"]
        assert [one["components"][0]["parameters"][0]["image"] for one in cards] == [{"id": "id-精華.jpg"}, {"id": "id-防曬乳.jpg"}]

    def test_prefers_a_picture_that_was_chosen(self, owner: Client, desk: Client, taking: Handing) -> None:
        template = self.approved(owner, carousel("精華", "防曬乳"))
        values: dict[str, Any] = {"place_body_1": "陳生", "idempotency_key": str(uuid.uuid4())}
        for n in (0, 1):
            values |= {f"place_card_{n}_body_1": "88", f"place_card_{n}_button_0": "serum"}
        values["place_card_1_header"] = SimpleUploadedFile("新.jpg", JPEG, "image/jpeg")
        assert send(desk, closed(), template, **values).status_code == 200
        assert taking.taken == ["精華.jpg", "新.jpg"]

    def test_uploads_nothing_while_a_value_is_missing(self, owner: Client, desk: Client, taking: Handing) -> None:
        template = self.approved(owner, carousel("精華", "防曬乳"))
        assert send(desk, closed(), template, place_body_1="陳生").status_code == 422
        assert taking.taken == [] and not Message.objects.exists()


class Products:
    BODY = "您好 {{1}}，本月新品已經到店，歡迎選購。"
    FORM = {"name": "new_in", "language": "zh_HK", "category": "MARKETING", "layout": "", "body": BODY, "example_body_1": "陳生"}
    SEVERAL = FORM | {"header_format": "TEXT", "header_text": "本月新品", "button_0_kind": "MPM", "fallback_button_0": "人氣: A1, B2"}
    ONE = FORM | {"header_format": "PRODUCT", "button_0_kind": "SPM", "fallback_header": "A1"}
    CARDS = FORM | {"layout": "CARDS", "cards_format": "PRODUCT", "cards_count": "3", "card_button_0_kind": "SPM"}

    def approved(self, owner: Client, fields: dict[str, Any]) -> MessageTemplate:
        write(owner, fields)
        MessageTemplate.objects.update(status="APPROVED", external_id="7")
        return MessageTemplate.objects.get()

    def test_are_submitted(self, owner: Client, platform: Platform) -> None:
        for fields in (self.SEVERAL, self.ONE | {"name": "one"}, self.CARDS | {"name": "cards"}):
            assert write(owner, fields, "submit").status_code == 302
        several, one, cards = (made["components"] for made in platform.creations)
        assert several[-1] == {"type": "BUTTONS", "buttons": [{"type": "MPM", "text": "View items"}]}
        assert one[0] == {"type": "HEADER", "format": "PRODUCT"}
        button = {"type": "BUTTONS", "buttons": [{"type": "SPM", "text": "View"}]}
        assert cards[-1]["cards"] == [{"components": [{"type": "HEADER", "format": "PRODUCT"}, button]}] * 3

    def test_come_back_into_the_form(self, owner: Client, platform: Platform) -> None:
        html = owner.get(write(owner, self.CARDS)["Location"]).content.decode()
        assert '<option value="PRODUCT" selected>' in html and 'name="cards_count" min="2" max="10" value="3"' in html
        assert '<option value="SPM" selected>' in html

    @pytest.mark.parametrize(("count", "cards"), [("", 2), ("1", 2), ("99", 10), ("-3", 2), ("x", 2), ("999", 2)])
    def test_of_cards_are_as_many_as_a_carousel_holds(self, owner: Client, platform: Platform, count: str, cards: int) -> None:
        write(owner, self.CARDS | {"cards_count": count})
        assert len(MessageTemplate.objects.get().components[-1]["cards"]) == cards

    def test_take_no_file_along(self, owner: Client, platform: Platform) -> None:
        left = {"card_0_file": SimpleUploadedFile("精華.jpg", b"<svg>", "image/jpeg"), "card_0_body": "精華"}
        assert write(owner, self.CARDS | left).status_code == 302
        row = MessageTemplate.objects.get()
        assert "精華" not in str(row.components) and not row.examples

    def test_are_drawn(self, owner: Client) -> None:
        phone = drawn(owner, self.SEVERAL)
        assert (
            '<p class="tp-products">人氣: A1, B2' in phone and "View items" in phone and "Nothing that the platform would refuse." in phone
        )
        assert drawn(owner, self.CARDS).count("shopping_bag") == 3
        conversation = people.conversation(people.customer(name="陳大文"))
        values = self.SEVERAL | {"preview_with": conversation.pk, "fallback_body_1": "客"}
        assert "人氣: A1, B2" in drawn(owner, values)

    def test_say_in_words_what_is_wrong(self, owner: Client) -> None:
        assert "Above several products stands a text." in drawn(owner, self.SEVERAL | {"header_format": ""})
        assert "belong together" in drawn(owner, self.ONE | {"button_0_kind": ""})

    def test_are_sent_and_shown_in_the_conversation(self, owner: Client, desk: Client, platform: Platform) -> None:
        template, conversation = self.approved(owner, self.SEVERAL), closed()
        page = shown(desk, conversation)
        assert 'name="place_button_0" value="人氣: A1, B2"' in page
        refused = send(desk, conversation, template, place_body_1="陳生", place_button_0="A1, B2")
        assert refused.status_code == 422 and "Write a title, a colon" in refused.json()["error"]
        assert send(desk, conversation, template, place_body_1="陳生", place_button_0="人氣: A1; 新品: C3").status_code == 200
        action = Message.objects.get().content["components"][-1]["parameters"][0]["action"]
        assert [section["title"] for section in action["sections"]] == ["人氣", "新品"]
        thread = desk.get(f"/admin/inbox/{conversation.pk}/").content.decode()
        assert "<li>人氣: A1</li><li>新品: C3</li>" in thread

    def test_side_by_side_stand_in_the_conversation_as_cards(self, owner: Client, desk: Client, platform: Platform) -> None:
        template, conversation = self.approved(owner, self.CARDS), closed()
        values = {f"place_card_{n}_header": code for n, code in enumerate(("A1", "B2", "C3"))}
        assert send(desk, conversation, template, place_body_1="陳生", **values).status_code == 200
        _before, _row, cards = desk.get(f"/admin/inbox/{conversation.pk}/").content.decode().partition('<div class="tp-cards"')
        assert all(f'<p class="tp-header">{code}' in cards for code in ("A1", "B2", "C3"))

    def test_of_the_whole_catalogue_need_no_picture(self, owner: Client, desk: Client, platform: Platform) -> None:
        template, conversation = self.approved(owner, self.FORM | {"button_0_kind": "CATALOG"}), closed()
        page = shown(desk, conversation)
        field = page.partition('name="place_button_0"')[2].partition(">")[0]
        assert field and "required" not in field
        assert send(desk, conversation, template, place_body_1="陳生", place_button_0="").status_code == 200
        assert [part["type"] for part in Message.objects.get().content["components"]] == ["body"]
