"""What messages cost: the list's row that fits, the price at the moment of billing, and the sums that the account's page shows."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from scrm.contacts.models import Identity
from scrm.conversations import prices
from scrm.conversations.models import Message, MessagePrice
from scrm.conversations.price_rules import Price, PriceTable, plain_category, platform_of
from scrm.core import clock
from scrm.intake import pipeline
from scrm.staff.models import User
from tests.people import NOON, body, conversation, hong_kong, post, status, wamid

TODAY = date(2026, 11, 18)


def price(amount: str, *, country: str = "", category: str = "", since: date = date(2026, 1, 1), platform: str = "whatsapp") -> Price:
    return Price(platform, country, category, "USD", Decimal(amount), since)


class TestPriceTable:
    TABLE = PriceTable(
        [
            price("0.09"),
            price("0.08", country="HK"),
            price("0.0732", country="HK", category="marketing"),
            price("0.0801", country="HK", category="marketing", since=date(2026, 10, 1)),
            price("0.02", category="utility"),
            price("0.5", country="HK", category="marketing", since=date(2027, 1, 1)),
        ]
    )

    @pytest.mark.parametrize(
        ("country", "category", "day", "amount"),
        [
            ("HK", "marketing", TODAY, "0.0801"),
            ("HK", "marketing", date(2026, 9, 30), "0.0732"),
            ("HK", "marketing", date(2026, 10, 1), "0.0801"),
            ("HK", "MARKETING", date(2027, 1, 1), "0.5"),
            ("HK", "utility", TODAY, "0.02"),
            ("HK", "service", TODAY, "0.08"),
            ("JP", "marketing", TODAY, "0.09"),
            ("", "utility", TODAY, "0.02"),
        ],
    )
    def test_takes_the_row_that_fits_best(self, country: str, category: str, day: date, amount: str) -> None:
        found = self.TABLE.find("whatsapp", country, category, day)
        assert found is not None and found.amount == Decimal(amount)

    def test_says_nothing_before_its_first_day_and_of_other_platforms(self) -> None:
        assert self.TABLE.find("whatsapp", "JP", "marketing", date(2025, 12, 31)) is None
        assert self.TABLE.find("line", "HK", "marketing", TODAY) is None
        assert not PriceTable([])

    def test_knows_categories_in_both_spellings_and_providers_of_one_platform(self) -> None:
        assert plain_category("authentication-international") == "authentication_international"
        assert {platform_of("whatsapp_cloud"), platform_of("whatsapp_bsp")} == {"whatsapp"}
        assert platform_of("line") == "line"


def enter(amount: str, **fields: Any) -> MessagePrice:
    row = MessagePrice.objects.create(
        **{"platform": "whatsapp", "country": "HK", "currency": "USD", "amount": Decimal(amount), "valid_from": date(2026, 1, 1), **fields}
    )
    prices.price_list_changed()
    return row


def sent(number: int = 1, at: datetime = NOON) -> Message:
    return Message.objects.create(
        conversation=conversation(at=at),
        connection=hong_kong(),
        direction="out",
        state="accepted",
        source="agent",
        text="多謝",
        external_id=wamid(f"cost{number}"),
        sent_at=at,
        created_at=at,
        accepted_at=at,
    )


def bill(message: Message, *, category: str = "utility", billable: bool = True, state: str = "delivered") -> Message:
    said = status(message.external_id, state, at=NOON) | {"pricing": {"billable": billable, "pricing_model": "PMP", "category": category}}
    assert post(hong_kong(), body(hong_kong(), statuses=[said])) == 200
    pipeline.drain()
    message.refresh_from_db()
    return message


@pytest.mark.django_db
class TestBilledMessage:
    def test_gets_the_price_of_its_country_and_category(self) -> None:
        enter("0.0115", category="utility")
        enter("0.0732", category="marketing")
        row = bill(sent(), category="marketing")
        assert (row.cost, row.cost_currency) == (Decimal("0.073200"), "USD")

    def test_keeps_its_price_when_the_list_changes_and_the_platform_repeats_itself(self) -> None:
        listed = enter("0.0115")
        row = bill(sent())
        listed.amount = Decimal("9")
        listed.save()
        prices.price_list_changed()
        assert bill(row, state="read").cost == Decimal("0.011500")
        assert prices.price_waiting() == 0

    def test_costs_nothing_when_the_platform_gives_it_away(self) -> None:
        enter("0.0115")
        row = bill(sent(), billable=False)
        assert (row.cost, row.billable) == (None, False)

    def test_waits_for_a_price_that_is_entered_later(self) -> None:
        first, second = bill(sent(1)), bill(sent(2), category="marketing")
        assert first.cost is None
        enter("0.0115", category="utility")
        while prices.price_waiting():
            pass
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.cost, second.cost) == (Decimal("0.011500"), None)

    def test_is_found_behind_many_that_stay_without_a_price(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(prices, "BATCH", 2)
        unlisted = [bill(sent(number), category="marketing") for number in range(5)]
        last = bill(sent(9))
        enter("0.0115", category="utility")
        while prices.price_waiting():
            pass
        last.refresh_from_db()
        assert last.cost == Decimal("0.011500")
        assert Message.objects.filter(pk__in=[row.pk for row in unlisted], cost=None).count() == 5

    def test_of_a_person_without_a_number_goes_by_the_country_of_the_user_id(self) -> None:
        assert prices.country_of(Identity(kind="whatsapp_user", value="HK.1349")) == "HK"
        assert prices.country_of(Identity(kind="whatsapp", value="81901", e164="+819012345678")) == "JP"
        assert prices.country_of(Identity(kind="line_user", value="U4af4980629")) == ""


@pytest.mark.django_db
class TestCostOfAnAccount:
    def test_adds_up_what_was_billed_by_currency(self) -> None:
        enter("0.01", category="utility")
        enter("7.5", category="marketing", currency="HKD")
        for number in range(3):
            bill(sent(number))
        bill(sent(5), category="marketing")
        bill(sent(6), billable=False)
        bill(sent(7), category="service")
        found = prices.cost_of(hong_kong(), since=NOON - timedelta(days=1), until=NOON + timedelta(days=1))
        assert found.sums == (("HKD", Decimal("7.5")), ("USD", Decimal("0.03")))
        assert (found.billed, found.free, found.unpriced) == (5, 1, 1)

    def test_stands_on_its_page_with_what_has_no_price(self, client: Client) -> None:
        owner = User.objects.create_superuser("owner", display_name="Aya")
        hong_kong(owner=owner)
        enter("0.01", category="utility")
        with clock.frozen(NOON + timedelta(hours=1)):
            bill(sent(1))
            bill(sent(2), category="marketing")
            client.force_login(owner)
            page = client.get(f"/admin/connections/connection/{hong_kong().pk}/change/").content.decode()
        assert "USD 0.01" in page
        assert "1 message without a price" in page
        assert "Aya" in page


@pytest.mark.django_db
class TestPriceList:
    def test_is_kept_in_the_admin_and_refuses_nonsense(self, client: Client) -> None:
        client.force_login(User.objects.create_superuser("owner"))
        form = {"platform": "whatsapp", "country": "HK", "category": "utility", "amount": "0.0115", "currency": "USD"}
        form["valid_from"] = "2026-10-01"
        assert client.post("/admin/conversations/messageprice/add/", form).status_code == 302
        assert MessagePrice.objects.get().amount == Decimal("0.0115")
        for wrong in ({"country": "hong kong"}, {"currency": "$"}, {"amount": "-1"}, {}):
            answer = client.post("/admin/conversations/messageprice/add/", {**form, **wrong})
            assert answer.status_code == 200, wrong
        assert MessagePrice.objects.count() == 1
