"""The engine with the Salesforce adapter against the stand-in, over loopback: tokens kept in the database, both directions, faults."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from scrm.commerce.models import Order
from scrm.connections.models import Connection, KeptToken
from scrm.connections.services import check_now, crm_of, upsert_connection
from scrm.contacts.models import Contact
from scrm.core import clock
from scrm.sandbox.salesforce import tables
from scrm.sync import engine, feeds
from scrm.sync.models import ExternalRecord, Push
from scrm.sync.services import want
from tests.sync.conftest import Shop, later
from tests.sync.fake_crm import FarSide

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
    pytest.mark.urls("tests.sync.salesforce_urls"),
]


@pytest.fixture
def salesforce(live_server: Any, settings: Any) -> Shop:
    settings.SANDBOX_URL = live_server.url
    given = tables.connection_settings()
    crm = upsert_connection(
        "sf", label="Salesforce", kind="crm", adapter="salesforce", settings=given["settings"], secrets=given["secrets"]
    )
    channel = Connection.objects.create(slug="hk", label="Harbour Lane HK", kind="channel", adapter="whatsapp_cloud")
    return Shop(crm, channel, FarSide())


def drain() -> None:
    later(seconds=1)
    feeds.pull_due(at_once=True)
    while engine.push_due():
        pass


def control(path: str, **body: Any) -> Any:
    answer = Client().post(f"/sandbox/salesforce/control/{path}", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def held(sobject: str) -> list[Any]:
    return [each for each in tables.TableStore().rows(sobject) if not each.deleted]


class TestSalesforceSync:
    def test_person_day_and_order_stand_in_the_org_and_are_updated_in_place(self, salesforce: Shop) -> None:
        chan = salesforce.customer("陳大文")
        talk = salesforce.conversation(chan)
        order = Order.objects.create(
            number="HK-1042", contact=chan, status="paid", currency="HKD", total=Decimal("1280.50"), placed_at=clock.now()
        )
        salesforce.message(talk, "我的 <包裹> 在哪裡?")
        want(salesforce.crm, "communication", f"{talk.pk}:2026-11-22")
        want(salesforce.crm, "deal", f"order:{order.pk}")
        drain()
        assert set(Push.objects.values_list("kind", "state", "last_error")) == {
            ("contact", "done", ""), ("communication", "done", ""), ("deal", "done", "")
        }  # fmt: skip
        (person,), (day,), (deal,), (role,) = (held(name) for name in ("Contact", "Task", "Opportunity", "OpportunityContactRole"))
        assert (person.values["FirstName"], person.values["LastName"], person.values["Scrm_Id__c"]) == ("大文", "陳", str(chan.pk))
        assert "陳大文: 我的 <包裹> 在哪裡?" in day.values["Description"]
        assert (day.values["WhoId"], day.values["Status"], day.values["ActivityDate"]) == (person.id, "Completed", "2026-11-22")
        assert (deal.values["Name"], deal.values["Amount"], deal.values["StageName"]) == ("HK-1042 · 陳大文", 1280.5, "Closed Won")
        assert (role.values["OpportunityId"], role.values["ContactId"]) == (deal.id, person.id)
        salesforce.message(talk, "謝謝")
        want(salesforce.crm, "communication", f"{talk.pk}:2026-11-22")
        drain()
        (day,) = held("Task")
        assert day.values["Description"].rstrip().endswith("謝謝")
        assert KeptToken.objects.filter(connection=salesforce.crm).count() == 1

    def test_a_correction_by_a_person_over_there_comes_back_and_makes_no_loop(self, salesforce: Shop) -> None:
        chan = salesforce.customer("陳大文")
        want(salesforce.crm, "contact", str(chan.pk))
        drain()
        (person,) = held("Contact")
        control("act", act="edit", id=person.id, values={"LastName": "陳", "FirstName": "小文"})
        _let_the_window_pass(salesforce)
        drain()
        assert Contact.objects.get(pk=chan.pk).name == "陳小文"
        writes = [each.modified_by for each in held("Contact")]
        drain()
        assert [each.modified_by for each in held("Contact")] == writes

    def test_an_ended_session_is_renewed_without_anybody_noticing(self, salesforce: Shop) -> None:
        assert check_now(salesforce.crm).ok
        first = KeptToken.objects.get().version
        tables.TableStore().close_sessions()
        want(salesforce.crm, "contact", str(salesforce.customer().pk))
        drain()
        assert Push.objects.get().state == "done" and KeptToken.objects.get().version == first + 1

    def test_used_up_calls_make_the_whole_connection_wait_and_lose_nothing(self, salesforce: Shop) -> None:
        want(salesforce.crm, "contact", str(salesforce.customer().pk))
        control("", knobs={"request_limit": 1.0})
        drain()
        salesforce.crm.refresh_from_db()
        assert salesforce.crm.state == "waiting" and "REQUEST_LIMIT_EXCEEDED" in salesforce.crm.state_reason
        control("", knobs={"request_limit": 0.0})
        later(minutes=31)
        drain()
        later(minutes=6)
        drain()
        assert Push.objects.get().state == "done" and len(held("Contact")) == 1

    def test_a_wrong_secret_stops_the_connection_and_keeps_the_queue(self, salesforce: Shop) -> None:
        upsert_connection("sf", secrets={"client_secret": "wrong-secret"})
        want(salesforce.crm, "contact", str(salesforce.customer().pk))
        drain()
        salesforce.crm.refresh_from_db()
        assert salesforce.crm.state == "needs_login" and "invalid_client" in salesforce.crm.state_reason
        upsert_connection("sf", secrets=tables.connection_settings()["secrets"])
        drain()
        assert Push.objects.get().state == "done"

    def test_every_third_call_lost_or_locked_ends_with_each_record_once(self, salesforce: Shop) -> None:
        control("", knobs={"lost_answer": 0.15, "lock_error": 0.1, "error_503": 0.0, "path": "composite"})
        people = [salesforce.customer(f"客人{number}") for number in range(12)]
        for person in people:
            want(salesforce.crm, "contact", str(person.pk))
        for _ in range(25):
            drain()
            if not Push.objects.exclude(state="done").exists():
                break
            later(minutes=6)
        assert set(Push.objects.values_list("state", flat=True)) == {"done"}
        assert sorted(each.values["Scrm_Id__c"] for each in held("Contact")) == sorted(str(person.pk) for person in people)
        assert ExternalRecord.objects.count() == 12

    def test_the_schema_and_the_page_are_there_for_a_person_who_connects_it(self, salesforce: Shop) -> None:
        described = {each.kind: each for each in crm_of(salesforce.crm).describe()}
        assert {"contact", "deal", "case", "order", "product", "communication"} == set(described)
        want(salesforce.crm, "contact", str(salesforce.customer("<b>陳</b>").pk))
        drain()
        page = Client().get("/sandbox/salesforce/?object=Contact").content.decode()
        given = tables.connection_settings()
        assert given["settings"]["base_url"] in page and given["settings"]["client_id"] in page
        assert "&lt;b&gt;陳&lt;/b&gt;" in page and "<b>陳</b>" not in page

    def test_strangers_from_elsewhere_are_refused_by_every_door(self, salesforce: Shop) -> None:
        elsewhere = Client(REMOTE_ADDR="203.0.113.7")
        for path in ("", "control/", "control/act", "api/services/oauth2/token"):
            assert elsewhere.get(f"/sandbox/salesforce/{path}").status_code == 403

    @pytest.mark.parametrize("body", [{"knobs": {"nonsense": 1}}, {"knobs": {"lock_error": 2}}])
    def test_a_knob_that_is_none_is_named(self, salesforce: Shop, body: Any) -> None:
        answer = Client().post("/sandbox/salesforce/control/", body, content_type="application/json")
        assert answer.status_code == 400 and "rror" in answer.content.decode()


def _let_the_window_pass(shop: Shop) -> None:
    """The edit of this second is behind the end of a window that ends now."""
    import time

    time.sleep(1.02 - time.time() % 1)
