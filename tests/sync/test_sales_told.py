"""Whoever listens hears that a deal or a case moved on: rules, webhooks and the tools that poll, whichever side moved it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from scrm.api.services import issue_token
from scrm.automation.engine import handle
from scrm.automation.models import Rule, Run
from scrm.commerce.services import change_order, upsert_order
from scrm.contacts.models import Event
from scrm.core import clock
from scrm.hooks import bodies, services
from scrm.hooks.kinds import EVENTS
from scrm.hooks.models import Delivery, Endpoint
from scrm.sync.models import ExternalRecord, SaleState
from scrm.sync.services import want
from scrm.tags.models import Tag, TagAssignment
from tests.sync.conftest import NOON, Shop
from tests.sync.test_pull import linked, settle
from tests.sync.test_sales_in import asked
from tests.sync.test_sales_in import sales as sales

SALES = ("deal.changed", "case.changed")


def told(kind: str = "deal.changed") -> list[Event]:
    return list(Event.objects.filter(kind=kind).order_by("pk"))


def moved_on(shop: Shop) -> Event:
    """A deal of 1,200 that a seller over there won."""
    _, record = asked(shop, "deal")
    shop.far.put(record, {"Stage": "Inbox", "Sum": "1200"})
    settle(shop)
    shop.far.put(record, {"Stage": "Won!"})
    settle(shop)
    (event,) = told()
    return event


class TestOfOurs:
    def test_what_we_change_of_an_order_is_told_of_its_deal_once(self, sales: Shop) -> None:
        chan, _ = linked(sales)
        order = upsert_order("HK-8", contact=chan, status="paid", currency="HKD", total=Decimal(256), placed_at=clock.now()).order
        want(sales.crm, "deal", f"order:{order.pk}")
        settle(sales)
        assert told() == []
        change_order(order.pk, {"status": "cancelled", "total": Decimal(200)})
        want(sales.crm, "deal", f"order:{order.pk}")
        settle(sales)
        (event,) = told()
        record = ExternalRecord.objects.get(kind="deal").external_id
        assert (event.data["by"], event.data["stage"], event.data["amount"], event.cause) == ("us", "lost", "200.00", "")
        assert (set(event.data["changed"]), event.data["record"], event.data["order"]) == ({"stage", "amount"}, record, order.pk)
        assert (SaleState.objects.get().stage, sales.far.fields[record]["Stage"]) == ("lost", "Lost!")
        want(sales.crm, "deal", f"order:{order.pk}")
        settle(sales)
        assert len(told()) == 1

    def test_both_sides_in_turn_are_told_with_the_stage_before(self, sales: Shop) -> None:
        chan, _ = linked(sales)
        order = upsert_order("HK-9", contact=chan, status="paid", currency="HKD", total=Decimal(256), placed_at=clock.now()).order
        want(sales.crm, "deal", f"order:{order.pk}")
        settle(sales)
        record = ExternalRecord.objects.get(kind="deal").external_id
        sales.far.put(record, {"Stage": "Inbox"})
        settle(sales)
        change_order(order.pk, {"status": "cancelled"})
        want(sales.crm, "deal", f"order:{order.pk}")
        settle(sales)
        sales.far.put(record, {"Stage": "Won!"})
        settle(sales)
        assert [(event.data["by"], event.data["stage_before"], event.data["stage"]) for event in told()] == [
            ("us", "new", "lost"),
            ("crm", "lost", "won"),
        ]

    def test_a_summary_that_goes_on_moves_nothing(self, sales: Shop) -> None:
        talk, _ = asked(sales, "case")
        talk.identity.contact.name = "陳小文"
        talk.identity.contact.save()
        want(sales.crm, "case", f"conversation:{talk.pk}")
        settle(sales)
        assert told("case.changed") == []


class TestRules:
    def rule(self, **columns: Any) -> Rule:
        Tag.objects.create(name="Won", slug="won")
        return Rule.objects.create(name="Won", trigger="deal.changed", action="add_tag", options={"tag": "won"}, enabled=True, **columns)

    def test_ask_about_its_stage_and_sum_and_act(self, sales: Shop) -> None:
        wanted = [
            {"term": "deal.stage", "op": "is", "value": "won"},
            {"term": "deal.amount", "op": ">=", "value": 1000},
            {"term": "deal.changed", "op": "is", "value": "stage"},
            {"term": "deal.by", "op": "is", "value": "crm"},
        ]
        self.rule(conditions={"all": wanted})
        event = moved_on(sales)
        handle([event])
        assert [leaf["truth"] for leaf in Run.objects.get().trace] == [True] * 4
        assert TagAssignment.objects.get().contact_id == event.contact_id

    def test_another_stage_does_nothing(self, sales: Shop) -> None:
        self.rule(conditions={"term": "deal.stage", "op": "is", "value": "lost"})
        handle([moved_on(sales)])
        assert (Run.objects.get().verdict, TagAssignment.objects.exists()) == ("not_matched", False)

    def test_of_days_ago_it_is_history(self, sales: Shop) -> None:
        self.rule(conditions={})
        event = moved_on(sales)
        event.occurred_at = NOON.replace(year=2024)
        handle([event])
        assert not Run.objects.exists()


class TestWebhooks:
    def test_are_sent_what_it_was_when_it_moved_on(self, sales: Shop) -> None:
        Endpoint.objects.create(label="Make", url="https://hook.example/x", events=list(SALES), created_at=NOON)
        services.forget()
        event = moved_on(sales)
        SaleState.objects.update(stage="lost")
        services.note([event])
        body = Delivery.objects.get().body
        talk = event.data["conversation"]
        deal = {"connection": "crm", "key": f"conversation:{talk}", "id": event.data["record"], "stage": "won", "stage_before": "new"}
        deal |= {"name": "", "amount": "1200.00", "currency": "", "closed_at": "", "priority": "", "changed": ["stage"], "by": "crm"}
        assert (body["type"], body["deal"], body["contact"]["name"]) == ("deal.changed", deal, "陳大文")
        assert bodies.newest("deal.changed", 3) == [body]

    @pytest.mark.parametrize("kind", SALES)
    def test_the_sample_has_the_shape_of_a_live_one(self, sales: Shop, kind: str) -> None:
        name = kind.partition(".")[0]
        _, person = linked(sales)
        fields = {"Title": "曲奇", "Stage": "Inbox"} if name == "deal" else {"Subject": "壞咗一隻杯", "State": "New"}
        sales.far.add(kind=name, Person=person, **fields)
        settle(sales)
        (event,) = told(kind)
        live, made = bodies.bodies_of([event])[event.pk], bodies.sample(kind)
        assert kind in EVENTS
        assert (set(live), set(live[name])) == (set(made), set(made[name]))
        assert all(type(live[name][each]) is type(made[name][each]) for each in made[name])
        assert live[name]["id"] and live[name]["by"] == "crm" and live[name]["changed"] == []


def test_a_partner_sees_them_with_the_scope_for_it(sales: Shop) -> None:
    for scopes, kind, status in (
        (["hooks:write", "contacts:read", "orders:read"], "deal.changed", 200),
        (["hooks:write", "contacts:read"], "deal.changed", 403),
        (["hooks:write", "contacts:read", "orders:read"], "case.changed", 403),
        (["hooks:write", "contacts:read", "messages:read"], "case.changed", 200),
    ):
        token = issue_token("Zapier", scopes)[1]
        answer = Client(headers={"authorization": f"Bearer {token}"}).get(f"/api/v1/hooks/sample/?event={kind}")
        assert answer.status_code == status, (scopes, kind, answer.content)
