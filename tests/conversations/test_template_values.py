"""Values from the contact, the newest order and the shop, said as people say them, with a fallback for each."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scrm.commerce.models import Order, Shipment
from scrm.contacts.models import Contact
from scrm.conversations.models import MessageTemplate
from scrm.conversations.template_values import SOURCES, Subject, ago, read, values_for
from tests import people

HONG_KONG = ZoneInfo("Asia/Hong_Kong")
NOON = datetime(2026, 11, 18, 12, tzinfo=HONG_KONG)


class Ago:
    @pytest.mark.parametrize(
        ("days", "said"),
        [
            (0, {"en": "today", "ja": "本日", "zh_HK": "今天", "zh_CN": "今天"}),
            (1, {"en_GB": "yesterday", "ja": "昨日", "zh_TW": "昨天"}),
            (3, {"en": "3 days ago", "ja": "3日前", "zh_TW": "3天前", "zh_CN": "3天前"}),
            (13, {"en": "13 days ago"}),
            (15, {"en": "2 weeks ago", "ja": "2週間前", "zh_HK": "2週前", "zh_CN": "2周前"}),
            (75, {"en": "2 months ago", "ja": "2か月前", "zh_HK": "2個月前", "zh_CN": "2个月前"}),
            (-2, {"en": "today"}),
        ],
    )
    def test_is_said_as_people_say_it(self, days: int, said: dict[str, str]) -> None:
        for language, words in said.items():
            assert ago(NOON - timedelta(days=days), NOON, language, HONG_KONG) == words

    def test_counts_calendar_days_where_the_person_lives(self) -> None:
        late = datetime(2026, 11, 17, 23, 50, tzinfo=HONG_KONG)
        assert ago(late, late + timedelta(minutes=20), "en", HONG_KONG) == "yesterday"
        assert ago(late, late + timedelta(minutes=20), "en", ZoneInfo("Asia/Tokyo")) == "today"


@pytest.mark.django_db
class Fields:
    def subject(self, **contact: Any) -> Subject:
        person = people.customer().contact
        Contact.objects.filter(pk=person.pk).update(**contact)
        person.refresh_from_db()
        return Subject(person, people.hong_kong(), "zh_HK", now=NOON)

    def ordered(self, subject: Subject) -> Subject:
        order = Order.objects.create(
            number="HK-104233",
            contact=subject.contact,
            status="shipped",
            currency="HKD",
            total="1288.00",
            placed_at=NOON - timedelta(days=3),
        )
        Shipment.objects.create(
            order=order, carrier="SF Express", tracking_number="SF1", tracking_url="https://sf.example/SF1", expected_at=NOON
        )
        return subject

    def test_give_the_form_of_address_of_the_country(self) -> None:
        assert read("contact.first_name", self.subject(name="陳大文")) == "陳大文"
        assert read("contact.first_name", self.subject(name="Mary Chan", country="HK")) == "Mary"
        assert read("contact.first_name", self.subject(name="佐藤 健", country="JP")) == "佐藤"

    def test_give_the_newest_order(self) -> None:
        subject = self.ordered(self.subject())
        got = {
            name: read(name, subject) for name in ("order.number", "order.placed", "order.total", "shipment.carrier", "shipment.expected")
        }
        assert list(got.values()) == ["HK-104233", "3天前", "HKD 1,288.00", "SF Express", "2026-11-18"]

    def test_without_an_order_give_nothing(self) -> None:
        subject = self.subject()
        assert not any(read(name, subject) for name in SOURCES if name.startswith(("order.", "shipment.")))

    def test_that_were_added_are_read_by_name(self) -> None:
        subject = self.subject(custom={"favourite": "烏龍\n茶", "points": 12, "list": [1]})
        assert [read(f"contact.custom.{name}", subject) for name in ("favourite", "points", "list", "nothing")] == ["烏龍 茶", "12", "", ""]

    def test_that_do_not_exist_give_nothing(self) -> None:
        assert read("contact.__class__", self.subject()) == read("settings.SECRET_KEY", self.subject()) == ""

    def test_fall_back_and_what_has_no_fallback_stays_missing(self) -> None:
        template = MessageTemplate(
            language="zh_HK",
            components=[{"type": "BODY", "text": "您好 {{1}}，{{2}} 的 {{3}} 到了。"}],
            variables={
                "body_1": {"source": "contact.company", "fallback": "顧客"},
                "body_2": {"source": "order.placed", "fallback": " \u200b"},
                "body_3": {"source": "", "fallback": "{{7*7}}"},
            },
        )
        assert values_for(template, self.subject()) == {"body_1": "顧客", "body_3": "{{7*7}}"}
