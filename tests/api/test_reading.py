from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from scrm.api.pagination import LARGEST_PAGE
from scrm.api.scopes import MESSAGES_READ
from scrm.api.services import issue_token
from scrm.campaigns.models import Campaign, Recipient, Segment
from scrm.commerce.models import Order, OrderLine, Product, Shipment
from scrm.connections.models import Connection
from scrm.connections.work_sentences import BROKE_OFF_SENDING
from scrm.contacts.models import Contact, Event, Identity
from scrm.conversations.models import Attachment, Conversation, Decision, Message, MessageTemplate
from scrm.tags.models import Tag, TagAssignment
from tests.api.people import NOON, Partner

pytestmark = pytest.mark.django_db
Make = Callable[..., Identity]
Write = Callable[..., Message]


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


class TestContacts:
    @pytest.mark.parametrize(
        "spelling",
        [
            "+85291234567",
            "85291234567",
            " 85291234567",
            "9123 4567",
            "00852-9123-4567",
            "+852 (9123) 4567",
            "（８５２）９１２３４５６７",
            "001 852 9123 4567",
        ],
    )
    def test_are_found_by_a_number_in_any_spelling(self, partner: Partner, hong_kong: Connection, customer: Make, spelling: str) -> None:
        wanted = customer("陳大文", "+85291234567")
        customer("Lim Wei", "+6591234567")
        assert ids(partner.results("contacts/", phone=spelling)) == [wanted.contact_id]

    def test_are_found_by_every_reading_of_a_number_without_country(self, partner: Partner, hong_kong: Connection, customer: Make) -> None:
        """91234567 is a mobile number in Hong Kong and in Singapore."""
        Connection.objects.create(slug="orchard", label="Orchard Road", kind="channel", adapter="whatsapp", account_id="1003", country="SG")
        hong_konger, singaporean = customer("陳大文", "+85291234567"), customer("Lim Wei", "+6591234567")
        assert ids(partner.results("contacts/", phone="91234567")) == [singaporean.contact_id, hong_konger.contact_id]
        assert ids(partner.results("contacts/", phone="91234567", region="sg")) == [singaporean.contact_id]

    def test_without_a_number_that_any_library_knows_are_found_by_its_digits(self, partner: Partner, customer: Make) -> None:
        odd = customer("Test line", "+85200000001")
        Identity.objects.filter(pk=odd.pk).update(e164="")
        assert ids(partner.results("contacts/", phone="+852 0000 0001")) == [odd.contact_id]

    def test_are_not_found_by_a_number_they_gave_up(self, partner: Partner, customer: Make) -> None:
        former = customer("陳大文", "+85291234567")
        Identity.objects.filter(pk=former.pk).update(valid_to=NOON)
        assert partner.results("contacts/", phone="+85291234567") == []

    def test_are_found_by_name_in_any_script(self, partner: Partner, customer: Make) -> None:
        wanted = customer("佐藤美咲", "+819012345678")
        customer("林志明", "+886912345678")
        assert ids(partner.results("contacts/", search="美咲")) == [wanted.contact_id]

    def test_are_found_by_the_time_of_their_last_change(self, partner: Partner, customer: Make) -> None:
        customer("林志明", "+886912345678", at=NOON - timedelta(hours=1))
        later = customer("佐藤美咲", "+819012345678", at=NOON)
        assert ids(partner.results("contacts/", updated_since="2026-11-18T12:00:00+08:00")) == [later.contact_id]

    def test_that_were_merged_answer_with_their_survivor(self, partner: Partner, customer: Make) -> None:
        survivor, duplicate = customer("陳大文", "+85291234567"), customer("Chan Tai Man", "+85298765432", external_id="crm-77")
        Contact.objects.filter(pk=duplicate.contact_id).update(merged_into=survivor.contact_id)
        assert partner.get(f"contacts/{duplicate.contact_id}/").json()["merged_into"] == survivor.contact_id
        assert partner.results("contacts/", external_id="crm-77")[0]["merged_into"] == survivor.contact_id
        assert ids(partner.results("contacts/")) == [survivor.contact_id]
        assert len(partner.results("contacts/", include_merged="true")) == 2

    def test_show_addresses_tags_and_the_strictest_consent(self, partner: Partner, customer: Make) -> None:
        identity = customer("佐藤美咲", "+819012345678")
        mail = Identity.objects.create(contact=identity.contact, kind="email", value="misaki@example.jp", verified="crm", valid_from=NOON)
        Identity.objects.filter(pk=identity.pk).update(marketing_opt_in_at=NOON)
        Identity.objects.filter(pk=mail.pk).update(marketing_opted_out_at=NOON)
        tag = Tag.objects.create(slug="price", name="價格")
        TagAssignment.objects.create(contact=identity.contact, tag=tag, matched="値段", assigned_at=NOON)
        TagAssignment.objects.create(
            contact=identity.contact, tag=Tag.objects.create(slug="old", name="Old"), assigned_at=NOON, removed_at=NOON
        )
        shown = partner.get(f"contacts/{identity.contact_id}/").json()
        assert [row["value"] for row in shown["identities"]] == ["819012345678", "misaki@example.jp"]
        assert [(row["slug"], row["matched"]) for row in shown["tags"]] == [("price", "値段")]
        assert shown["consent"]["marketing_opt_in_at"] is None
        assert shown["consent"]["marketing_opted_out_at"].startswith("2026-11-18T")


class TestMessages:
    def test_are_found_by_the_platforms_id(self, partner: Partner, hong_kong: Connection, customer: Make, writes: Write) -> None:
        chan = customer("陳大文", "+85291234567")
        writes(chan, hong_kong, "請問有貨嗎？")
        wanted = writes(chan, hong_kong, "想問運費", NOON + timedelta(minutes=1))
        found = partner.results("messages/", external_id=wanted.external_id)
        assert [(row["id"], row["text"], row["contact"], row["connection"]) for row in found] == [
            (wanted.pk, "想問運費", chan.contact_id, "causeway-bay")
        ]

    def test_say_why_they_failed_without_what_broke_inside_the_program(
        self, partner: Partner, hong_kong: Connection, customer: Make, writes: Write
    ) -> None:
        failed = writes(customer("陳大文", "+85291234567"), hong_kong, "已寄出")
        for stored, told in (
            (f"{BROKE_OFF_SENDING}: KeyError at scrm/conversations/outbox.py:41 call", BROKE_OFF_SENDING),
            ("Message undeliverable: The recipient blocked it", "Message undeliverable: The recipient blocked it"),
        ):
            Message.objects.filter(pk=failed.pk).update(error_title=stored)
            assert [row["error_title"] for row in partner.results("messages/")] == [told]

    def test_are_filtered_by_each_of_their_properties(
        self, partner: Partner, hong_kong: Connection, taipei: Connection, customer: Make, writes: Write
    ) -> None:
        first = writes(customer("陳大文", "+85291234567"), hong_kong, "你好")
        second = writes(customer("林志明", "+886912345678"), taipei, "請問營業時間", NOON + timedelta(minutes=5))
        Message.objects.filter(pk=first.pk).update(direction="out", state="failed")
        contact = Conversation.objects.get(pk=second.conversation_id).identity.contact_id
        for query in (
            {"conversation": second.conversation_id},
            {"contact": contact},
            {"state": "received"},
            {"direction": "in"},
            {"since": "2026-11-18T04:05:00Z"},
        ):
            assert ids(partner.results("messages/", **query)) == [second.pk], query


class TestOtherResources:
    def test_answer_with_what_belongs_to_a_contact(self, partner: Partner, hong_kong: Connection, customer: Make, writes: Write) -> None:
        chan, lim = customer("陳大文", "+85291234567"), customer("Lim Wei", "+6581234567")
        message = writes(chan, hong_kong, "我的包裹在哪裡？")
        writes(lim, hong_kong, "Where is my parcel?")
        order = Order.objects.create(
            number="HK-1001", contact=chan.contact, status="shipped", currency="HKD", total="288.00", placed_at=NOON
        )
        product = Product.objects.create(sku="APL-IP15PM", name="iPhone 15 Pro Max")
        OrderLine.objects.create(order=order, product=product, quantity=2, unit_price="144.00")
        Shipment.objects.create(order=order, carrier="SF Express", tracking_number="SF100200300")
        decision = Decision.objects.create(
            contact=chan.contact,
            connection=hong_kong,
            message=message,
            asked_by="rule",
            moment="queue",
            verdict="refuse",
            rule="opted_out",
            decided_at=NOON,
        )
        of_chan = {"contact": chan.contact_id}
        assert ids(partner.results("conversations/", **of_chan)) == [message.conversation_id]
        assert ids(partner.results("conversations/", status="closed", **of_chan)) == []
        assert ids(partner.results("identities/", **of_chan)) == [chan.pk]
        assert ids(partner.results("decisions/", message=message.pk, **of_chan)) == [decision.pk]
        assert {row["contact"] for row in partner.results("events/", **of_chan)} == {chan.contact_id}
        assert "message.received" in {row["kind"] for row in partner.results("events/", **of_chan)}
        shown = partner.results("orders/", **of_chan)
        assert [(row["number"], row["total"], row["lines"][0]["sku"], row["shipments"][0]["carrier"]) for row in shown] == [
            ("HK-1001", "288.00", "APL-IP15PM", "SF Express")
        ]

    def test_show_templates_of_a_connection(self, partner: Partner, hong_kong: Connection, taipei: Connection) -> None:
        for connection in (hong_kong, taipei):
            MessageTemplate.objects.create(
                connection=connection, name="order_sent", language="zh_HK", category="UTILITY", status="APPROVED", synced_at=NOON
            )
        assert [row["connection"] for row in partner.results("templates/", connection="xinyi")] == ["xinyi"]

    def test_show_a_token_of_some_channels_no_templates_of_others(self, hong_kong: Connection, taipei: Connection) -> None:
        theirs, other = (
            MessageTemplate.objects.create(
                connection=connection, name="order_sent", language="zh_HK", category="UTILITY", status="APPROVED", synced_at=NOON
            )
            for connection in (taipei, hong_kong)
        )
        limited = Partner(issue_token("Taipei alone", {MESSAGES_READ}, channels=[taipei])[1])
        assert ids(limited.results("templates/")) == [theirs.pk]
        assert limited.get(f"templates/{other.pk}/").status_code == 404 and limited.get(f"templates/{theirs.pk}/").status_code == 200

    def test_show_campaigns_with_their_figures_and_recipients(
        self, partner: Partner, customer: Make, writes: Write, hong_kong: Connection, taipei: Connection
    ) -> None:
        chan = customer("陳大文", "+85291234567")
        writes(chan, hong_kong, "請問有貨嗎？")
        segment = Segment.objects.create(name="Everybody")
        ours, other = (
            Campaign.objects.create(
                name=connection.slug,
                segment=segment,
                template=MessageTemplate.objects.create(
                    connection=connection, name="spring", language="zh_HK", category="MARKETING", status="APPROVED", synced_at=NOON
                ),
            )
            for connection in (hong_kong, taipei)
        )
        left_out = Recipient.objects.create(campaign=ours, contact=chan.contact, state="left_out", reason="opted_out")
        assert [row["name"] for row in partner.results("campaigns/")] == [other.name, ours.name]
        assert "figures" not in partner.results("campaigns/")[0]
        told = partner.get(f"campaigns/{ours.pk}/").json()
        assert (told["connection"], told["state"], told["figures"]["reasons"]) == (hong_kong.slug, "draft", {"opted_out": 1})
        assert ids(partner.results("recipients/", campaign=ours.pk, contact=chan.contact_id)) == [left_out.pk]
        assert partner.results("recipients/", campaign=other.pk) == [] and partner.results("recipients/", state="sent") == []
        limited = Partner(issue_token("Taipei alone", {MESSAGES_READ}, channels=[taipei])[1])
        assert ids(limited.results("campaigns/")) == [other.pk] and limited.get(f"campaigns/{ours.pk}/").status_code == 404
        assert limited.results("recipients/", campaign=ours.pk) == []

    def test_that_are_not_there_are_404_in_json(self, partner: Partner) -> None:
        for address in ("contacts/999999999999999999/", "contacts/9999999999999999999999/", "nothing/", "", "contacts/abc/"):
            answer = partner.get(address)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), address


class TestFilters:
    @pytest.mark.parametrize(
        ("address", "query"),
        [
            ("messages/", {"contact": "99999999999999999999"}),
            ("messages/", {"contact": "abc"}),
            ("messages/", {"contact": ""}),
            ("messages/", {"contact": "-1"}),
            ("messages/", {"contact": "1.5"}),
            ("messages/", {"contct": "1"}),
            ("messages/", {"state": "teleported"}),
            ("messages/", {"since": "yesterday"}),
            ("messages/", {"external_id": "wamid.\x00"}),
            ("messages/", {"external_id": "w" * 201}),
            ("contacts/", {"phone": "\x00"}),
            ("contacts/", {"search": "a\x00b"}),
            ("contacts/", {"updated_since": "9999-99-99"}),
            ("contacts/", {"page_size": "0"}),
            ("contacts/", {"page_size": "many"}),
            ("contacts/", {"page_size": "٣"}),
            ("contacts/", {"cursor": "!!!"}),
            ("contacts/", {"cursor": "W10"}),
            ("contacts/", {"cursor": "x" * 5000}),
            ("decisions/", {"cursor": "WyJ5ZXN0ZXJkYXkiLCAxXQ"}),
            ("decisions/", {"cursor": "WyIyMDI2LTExLTE4VDA0OjAwOjAwIiwgMV0"}),
            ("contacts/", {"cursor": "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OV0"}),
        ],
    )
    def test_that_cannot_be_read_are_named(self, partner: Partner, address: str, query: dict[str, str]) -> None:
        answer = partner.get(address, **query)
        assert answer.status_code == 400
        assert set(answer.json()["error"]["fields"]) == set(query)


class TestPages:
    def walk(self, partner: Partner, address: str, **query: Any) -> list[list[int]]:
        pages, answer = [], partner.get(address, **query).json()
        while True:
            pages.append(ids(answer["results"]))
            if answer["next"] is None:
                return pages
            answer = partner.http.get(answer["next"]).json()

    def test_hold_each_of_many_rows_with_one_time_exactly_once(self, partner: Partner, hong_kong: Connection, customer: Make) -> None:
        chan = customer("陳大文", "+85291234567")
        times = [NOON] * 7 + [NOON + timedelta(microseconds=1)] * 4 + [NOON - timedelta(seconds=1)]
        made = [
            Decision.objects.create(
                contact=chan.contact, connection=hong_kong, asked_by="rule", moment="queue", verdict="allow", decided_at=time
            )
            for time in times
        ]
        expected = [row.pk for row in sorted(made, key=lambda row: (row.decided_at, row.pk), reverse=True)]
        pages = self.walk(partner, "decisions/", page_size=3, contact=chan.contact_id)
        assert [len(page) for page in pages] == [3, 3, 3, 3]
        assert [pk for page in pages for pk in page] == expected

    def test_do_not_shift_when_rows_arrive_meanwhile(self, partner: Partner, customer: Make) -> None:
        first = [customer(f"客人{n}", f"+8529123456{n}").contact_id for n in range(4)]
        answer = partner.get("contacts/", page_size=2).json()
        customer("新客人", "+85261234567")
        assert ids(answer["results"]) + ids(partner.http.get(answer["next"]).json()["results"]) == first[::-1]

    def test_follow_an_events_time_for_one_contact(self, partner: Partner, customer: Make) -> None:
        chan = customer("陳大文", "+85291234567").contact
        late = Event.objects.create(contact=chan, kind="order.placed", occurred_at=NOON + timedelta(days=1))
        early = [Event.objects.create(contact=chan, kind="tag.added", occurred_at=NOON) for _ in range(3)]
        assert self.walk(partner, "events/", contact=chan.pk, page_size=2) == [[late.pk, early[2].pk], [early[1].pk, early[0].pk]]

    def test_have_50_rows_unless_asked_and_never_more_than_200(self, partner: Partner, customer: Make) -> None:
        chan = customer("陳大文", "+85291234567").contact
        Event.objects.bulk_create(Event(contact=chan, kind="tag.added", occurred_at=NOON) for _ in range(LARGEST_PAGE + 5))
        assert len(partner.results("events/")) == 50
        assert len(partner.results("events/", page_size=10**9)) == 200

    @pytest.mark.parametrize(
        ("address", "most"),
        [("contacts/", 5), ("messages/", 3), ("conversations/", 2), ("orders/", 4), ("decisions/", 2), ("events/", 2), ("tags/", 2)],
    )
    def test_cost_the_same_queries_whatever_they_hold(
        self, partner: Partner, hong_kong: Connection, customer: Make, writes: Write, address: str, most: int
    ) -> None:
        """The bound counts the look-up of the token."""
        tag, product = Tag.objects.create(slug="vip", name="VIP"), Product.objects.create(sku="TEA-1", name="凍頂烏龍茶")
        for n in range(6):
            identity = customer(f"客人{n}", f"+8529123456{n}")
            message = writes(identity, hong_kong, "你好")
            Attachment.objects.create(message=message, kind="image", due_at=NOON)
            TagAssignment.objects.create(contact=identity.contact, tag=tag, message=message, assigned_at=NOON)
            Decision.objects.create(
                contact=identity.contact,
                connection=hong_kong,
                message=message,
                asked_by="rule",
                moment="queue",
                verdict="allow",
                decided_at=NOON,
            )
            order = Order.objects.create(number=f"HK-{n}", contact=identity.contact, status="paid", currency="HKD", total=1, placed_at=NOON)
            OrderLine.objects.create(order=order, product=product, unit_price=1)
            Shipment.objects.create(order=order, carrier="SF Express", tracking_number=f"SF{n}")
        partner.get(address)
        with CaptureQueriesContext(
            database,
        ) as queries:
            assert len(partner.results(address)) >= 6
        selects = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
        assert len(selects) <= most + 1, selects
        assert not any("COUNT(" in sql for sql in selects)
