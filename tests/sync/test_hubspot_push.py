"""The engine with the HubSpot adapter against the stand-in CRM, over loopback."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from scrm.commerce.models import Order
from scrm.connections.models import Connection
from scrm.connections.services import upsert_connection
from scrm.core import clock
from scrm.sandbox.crm.account import connection_settings
from scrm.sync import engine, feeds
from scrm.sync.models import ExternalRecord, FieldMapping, Push
from scrm.sync.services import want
from tests.sync.conftest import Shop, later
from tests.sync.fake_crm import FarSide

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
    pytest.mark.urls("tests.sync.crm_urls"),
]


@pytest.fixture
def hubspot(live_server: Any) -> Shop:
    given = connection_settings()
    address = {**given["settings"], "base_url": f"{live_server.url}/sandbox/crm/api"}
    crm = upsert_connection("hubspot", label="HubSpot", kind="crm", adapter="hubspot", settings=address, secrets=given["secrets"])
    channel = Connection.objects.create(slug="hk", label="Harbour Lane HK", kind="channel", adapter="whatsapp_cloud")
    return Shop(crm, channel, FarSide())


def drain() -> None:
    later(seconds=1)
    feeds.pull_due(at_once=True)
    while engine.push_due():
        pass


def read(shop: Shop, kind: str) -> list[dict[str, Any]]:
    from scrm.connections.services import crm_of

    ids = list(ExternalRecord.objects.filter(kind=kind).values_list("external_id", flat=True))
    return [change.fields for change in crm_of(shop.crm).read(kind, ids)]


class TestHubSpotPush:
    def test_person_day_and_order_stand_in_the_crm_and_are_updated_in_place(self, hubspot: Shop) -> None:
        chan = hubspot.customer("陳大文")
        talk = hubspot.conversation(chan)
        order = Order.objects.create(
            number="HK-1042", contact=chan, status="paid", currency="HKD", total=Decimal("1280.50"), placed_at=clock.now()
        )
        hubspot.message(talk, "我的 <包裹> 在哪裡?")
        want(hubspot.crm, "communication", f"{talk.pk}:2026-11-22")
        want(hubspot.crm, "deal", f"order:{order.pk}")
        drain()
        assert set(Push.objects.values_list("kind", "state", "last_error")) == {
            ("contact", "done", ""), ("communication", "done", ""), ("deal", "done", "")
        }  # fmt: skip
        (person,), (day,), (deal,) = (read(hubspot, kind) for kind in ("contact", "communication", "deal"))
        assert (person["firstname"], person["lastname"], person["scrm_id"]) == ("大文", "陳", str(chan.pk))
        assert day["hs_communication_body"] == "11:30 陳大文: 我的 &lt;包裹&gt; 在哪裡?"
        assert day["hs_communication_channel_type"] == "WHATS_APP"
        assert (deal["dealname"], deal["amount"], deal["dealstage"]) == ("HK-1042 · 陳大文", "1280.50", "closedwon")

        hubspot.message(talk, "謝謝")
        want(hubspot.crm, "communication", f"{talk.pk}:2026-11-22")
        drain()
        (day,) = read(hubspot, "communication")
        assert day["hs_communication_body"].endswith("<br>11:30 陳大文: 謝謝")

    def test_one_bad_row_is_told_with_its_reason_and_holds_up_none(self, hubspot: Shop) -> None:
        good, bad = hubspot.customer("陳大文"), hubspot.customer("黃美玲", company="not-a-stage")
        want(hubspot.crm, "contact", str(good.pk))
        drain()
        FieldMapping.objects.create(connection=hubspot.crm, kind="contact", source="company", target="lifecyclestage")
        more = [hubspot.customer(f"客人{number}") for number in range(8)]
        for person in (bad, *more):
            want(hubspot.crm, "contact", str(person.pk))
        drain()
        assert Push.objects.filter(state="done").count() == 9
        push = hubspot.push("contact", bad.pk)
        assert (push.state, push.attempts) == ("due", 1)
        assert "lifecyclestage" in push.last_error

    def test_a_wrong_token_stops_the_connection_and_keeps_the_queue(self, hubspot: Shop) -> None:
        upsert_connection("hubspot", secrets={"access_token": "pat-wrong"})
        want(hubspot.crm, "contact", str(hubspot.customer().pk))
        drain()
        hubspot.crm.refresh_from_db()
        assert hubspot.crm.state == "needs_login"
        assert Push.objects.get().state == "due"
        upsert_connection("hubspot", secrets=connection_settings()["secrets"])
        drain()
        assert Push.objects.get().state == "done"
