from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from scrm.commerce.models import Order
from scrm.connections.models import Connection
from scrm.contacts.models import Contact
from scrm.conversations.models import Attachment
from scrm.core import clock
from scrm.staff.models import User
from scrm.sync import payloads
from scrm.sync.defaults import MAPPINGS, install_mappings
from scrm.sync.models import FieldMapping, Kind
from scrm.sync.sources import Ref
from scrm.tags.models import Tag, TagAssignment, TagRule
from tests.sync.conftest import Shop


def mapping(kind: str, source: str, **more: Any) -> FieldMapping:
    return FieldMapping(kind=kind, source=source, target=source, **more)


def built(shop: Shop, kind: str, key: object, *sources: str) -> dict[str, Any]:
    found = payloads.build(shop.crm, kind, [str(key)], [mapping(kind, source) for source in sources])
    return found[str(key)].fields


class TestContact:
    def test_every_source_is_there(self, shop: Shop) -> None:
        chan = shop.customer("陳大文", company="Harbour Lane", language="zh-hant")
        chan.identities.create(kind="email", value="chan@example.hk", verified="typed", valid_from=clock.now())
        chan.identities.create(kind="whatsapp_user", value="HK.1234", scope="1", verified="inbound", valid_from=clock.now())
        for name in ("VIP", "價格敏感"):
            tag = Tag.objects.create(slug=name, name=name)
            TagAssignment.objects.create(contact=chan, tag=tag, assigned_at=clock.now())
        number = chan.identities.get(kind="whatsapp").e164
        shop_fields = built(shop, "contact", chan.pk, *payloads.SOURCES["contact"])
        assert shop_fields == {
            "first_name": "大文", "last_name": "陳", "full_name": "陳大文", "company": "Harbour Lane", "country": "HK",
            "language": "zh-hant",
            "priority": "normal", "scrm_id": str(chan.pk), "phone": number, "email": "chan@example.hk", "whatsapp_user_id": "HK.1234",
            "tags": ["VIP", "價格敏感"], "opted_out": "false",
        }  # fmt: skip

    def test_the_last_message_is_the_newest_of_all_conversations(self, shop: Shop) -> None:
        chan = shop.customer()
        shop.message(shop.conversation(chan), "早晨", at=datetime(2026, 11, 21, 16, 30, 5, 250000, tzinfo=UTC))
        assert built(shop, "contact", chan.pk, "last_message_at") == {"last_message_at": "2026-11-21T16:30:05.250Z"}

    def test_a_person_without_a_number_is_a_full_citizen(self, shop: Shop) -> None:
        sato = Contact.objects.create(
            name="佐藤 花子", country="JP", last_activity_at=clock.now(), created_at=clock.now(), updated_at=clock.now()
        )
        sato.identities.create(kind="whatsapp_user", value="JP.77", scope="1", verified="inbound", valid_from=clock.now())
        assert built(shop, "contact", sato.pk, "first_name", "phone", "whatsapp_user_id") == {
            "first_name": "花子",
            "whatsapp_user_id": "JP.77",
        }

    def test_an_empty_field_takes_its_default(self, shop: Shop) -> None:
        chan = shop.customer()
        rows = [mapping("contact", "company", default="新規顧客"), mapping("contact", "email")]
        payload = payloads.build(shop.crm, "contact", [str(chan.pk)], rows)[str(chan.pk)]
        assert payload.fields == {"company": "新規顧客"}
        assert payload.empty == {"email"}

    def test_what_is_not_mapped_or_switched_off_costs_no_query(self, shop: Shop, django_assert_num_queries: Any) -> None:
        chan = shop.customer()
        rows = [mapping("contact", "full_name"), mapping("contact", "tags", enabled=False), mapping("deal", "name")]
        with django_assert_num_queries(1):
            payloads.build(shop.crm, "contact", [str(chan.pk)], rows)

    def test_who_was_merged_is_not_written(self, shop: Shop) -> None:
        survivor, duplicate = shop.customer(), shop.customer()
        duplicate.merged_into = survivor
        duplicate.save()
        assert payloads.build(shop.crm, "contact", [str(duplicate.pk)], []) == {}


class TestCommunication:
    def test_holds_what_was_said_that_day_on_the_channels_wall(self, shop: Shop) -> None:
        mei = User.objects.create(username="mei", first_name="Mei Lin", last_name="Wong")
        talk = shop.conversation(shop.customer("陳大文"))
        shop.message(talk, "yesterday", at=datetime(2026, 11, 21, 15, 59, tzinfo=UTC))
        photo = shop.message(talk, "呢個有冇貨?", kind="image", at=datetime(2026, 11, 21, 16, 0, tzinfo=UTC))
        Attachment.objects.create(message=photo, kind="image", filename="IMG_2041.jpg", due_at=clock.now())
        out = {"direction": "out", "source": "agent", "author": mei}
        shop.message(talk, "有貨", at=datetime(2026, 11, 22, 1, 0, tzinfo=UTC), state="read", **out)
        shop.message(talk, "not sent", state="failed", **out)
        shop.message(talk, "not yet sent", state="queued", **out)
        shop.message(talk, "among ourselves", direction="note", state="accepted", source="agent", author=mei)
        shop.message(talk, "由系統回覆", at=datetime(2026, 11, 22, 1, 5, tzinfo=UTC), direction="out", source="rule", state="accepted")
        key = f"{talk.pk}:2026-11-22"
        fields = built(
            shop, "communication", key, "body", "body_html", "first_message_at", "last_message_at", "messages", "channel", "date"
        )
        assert fields["body"].splitlines() == [
            "00:00 陳大文: [image: IMG_2041.jpg] 呢個有冇貨?",
            "09:00 Mei Lin Wong: 有貨",
            "09:05 Automatic reply: 由系統回覆",
        ]
        assert fields["body_html"].count("<br>") == 2
        assert (fields["first_message_at"], fields["last_message_at"]) == ("2026-11-21T16:00:00.000Z", "2026-11-22T01:05:00.000Z")
        assert (fields["messages"], fields["channel"], fields["date"]) == ("3", "Harbour Lane HK", "2026-11-22")

    def test_a_hundred_days_cost_few_queries(self, shop: Shop, django_assert_max_num_queries: Any) -> None:
        talks = [shop.conversation(shop.customer(f"客人{number}")) for number in range(100)]
        for talk in talks:
            shop.message(talk, "早晨")
        rows = [mapping("communication", "body")]
        with django_assert_max_num_queries(4):
            found = payloads.build(shop.crm, "communication", [f"{talk.pk}:2026-11-22" for talk in talks], rows)
        assert len(found) == 100


class TestDeal:
    def order(self, shop: Shop, **columns: Any) -> Order:
        values = {"number": "HK-1042", "contact": shop.customer("陳大文"), "status": "paid", "currency": "HKD", "total": Decimal("1280.50")}
        return Order.objects.create(placed_at=clock.now(), **{**values, **columns})

    def test_an_order_is_a_deal_with_amount_and_currency(self, shop: Shop) -> None:
        order = self.order(shop)
        shop.crm.adapter = "hubspot"
        fields = built(shop, "deal", f"order:{order.pk}", "name", "amount", "currency", "stage", "closed_at")
        assert fields == {
            "name": "HK-1042 · 陳大文", "amount": "1280.50", "currency": "HKD", "stage": "closedwon",
            "closed_at": "2026-11-22T03:30:00.000Z",
        }  # fmt: skip

    def test_stages_follow_the_connections_settings(self, shop: Shop) -> None:
        order = self.order(shop, status="cancelled")
        shop.crm.adapter = "hubspot"
        assert built(shop, "deal", f"order:{order.pk}", "stage") == {"stage": "closedlost"}
        shop.crm.settings = {"deal_stage_lost": "cancelled_by_customer"}
        assert built(shop, "deal", f"order:{order.pk}", "stage") == {"stage": "cancelled_by_customer"}

    def test_an_order_of_nobody_hangs_on_nobody(self, shop: Shop) -> None:
        order = self.order(shop, contact=None)
        assert payloads.build(shop.crm, "deal", [f"order:{order.pk}"], [])[f"order:{order.pk}"].needs == ()

    def test_a_conversations_deal_names_the_person_and_the_reason_and_sets_no_stage(self, shop: Shop) -> None:
        chan = shop.customer("陳大文")
        talk = shop.conversation(chan)
        tag = Tag.objects.create(slug="bulk", name="Bulk order")
        rule = TagRule.objects.create(name="Bulk", tag=tag, keywords="bulk", opens_deal=True)
        TagAssignment.objects.create(contact=chan, conversation=talk, tag=tag, rule=rule, assigned_at=clock.now())
        rows = [mapping("deal", source) for source in ("name", "stage", "amount")]
        payload = payloads.build(shop.crm, "deal", [f"conversation:{talk.pk}"], rows)[f"conversation:{talk.pk}"]
        assert payload.fields == {"name": "陳大文 · Bulk order"}
        assert payload.needs == (Ref("contact", str(chan.pk)),)
        assert payload.links == (Ref("communication", f"{talk.pk}:2026-11-22"),)


class TestDefaultMappings:
    def test_are_installed_once_and_never_over_a_persons_own(self, db: None) -> None:
        hubspot = Connection.objects.create(slug="hubspot", label="HubSpot", kind="crm", adapter="hubspot")
        assert install_mappings(hubspot) == len(MAPPINGS["hubspot"])
        assert install_mappings(hubspot) == 0
        hubspot.field_mappings.exclude(target="email").delete()
        assert install_mappings(hubspot) == 0

    def test_name_only_sources_that_exist(self) -> None:
        for rows in MAPPINGS.values():
            assert [(kind, source) for kind, source, _ in rows if source not in payloads.SOURCES[Kind(kind)]] == []
