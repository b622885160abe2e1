"""The Zoho adapter against the stand-in in the sandbox's database, over loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from connectors import conformance
from connectors.contracts import Write
from scrm.connections.models import Connection
from scrm.connections.services import crm_of, upsert_connection
from scrm.sandbox.zoho.tables import connection_settings
from tests.sync.conftest import Shop
from tests.sync.fake_crm import FarSide

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
    pytest.mark.urls("tests.sync.zoho_urls"),
]


@pytest.fixture
def zoho(live_server: Any, settings: Any) -> Shop:
    settings.SANDBOX_URL = live_server.url
    given = connection_settings()
    crm = upsert_connection("zoho", label="Zoho", kind="crm", adapter="zoho", settings=given["settings"], secrets=given["secrets"])
    channel = Connection.objects.create(slug="hk", label="Harbour Lane HK", kind="channel", adapter="whatsapp_cloud")
    return Shop(crm, channel, FarSide())


def act(**parts: Any) -> Any:
    return Client().post("/sandbox/zoho/control/act", json.dumps(parts), content_type="application/json").json()


def soon(look: Callable[[], list[str]]) -> list[str]:
    """What a look finds, repeated for three seconds while it finds nothing."""
    for _ in range(30):
        if found := look():
            return found
        time.sleep(0.1)
    return []


class TestStandInInTheSandbox:
    def test_keeps_the_rules_as_the_one_in_memory_does(self, zoho: Shop) -> None:
        crm = crm_of(zoho.crm)
        conformance.check_schema(crm, ["contact", "deal", "case", "order", "product"])
        people = [Write("contact", f"k-{number}", {"Last_Name": f"客{number}", "Phone": f"+8529000{number:04d}"}) for number in range(3)]
        conformance.check_apply(crm, people)
        conformance.check_neighbours(crm, people[:1], Write("contact", "bad", {"Last_Name": "x", "Email": "no address"}))
        conformance.check_reading_back(crm, people, ["Last_Name", "Phone"])
        time.sleep(1.02 - time.time() % 1)  # what was changed in this second is given in the next
        assert len(conformance.check_changes(crm, "contact", 2)) == 3

    def test_what_its_people_do_is_seen(self, zoho: Shop) -> None:
        crm = crm_of(zoho.crm)
        crm.prepare()
        made = act(act="add", module="Contacts", values={"Last_Name": "田中"})["id"]
        # Zoho's times are whole seconds: what was changed in this one is given in the next.
        assert soon(lambda: [change.id for change in crm.changes("contact", {}, 10).items]) == [made]
        act(act="edit", module="Contacts", id=made, values={"Phone": "+81312345678"})
        assert crm.read("contact", [made])[0].fields["Phone"] == "+81312345678"
        act(act="erase", module="Contacts", id=made)
        assert soon(lambda: [removal.id for removal in crm.removals("contact", {}, set()).items]) == [made]
        assert crm.read("contact", [made]) == []

    def test_knobs_and_page(self, zoho: Shop) -> None:
        crm_of(zoho.crm).prepare()
        page = Client().get("/sandbox/zoho/").content.decode()
        assert connection_settings()["secrets"]["refresh_token"] in page and "/sandbox/zoho/accounts" in page
        told = Client().post("/sandbox/zoho/control/", json.dumps({"knobs": {"late_ms": 500}}), content_type="application/json").json()
        assert told["knobs"]["late_ms"] == 500 and told["credits_spent"] > 0 and told["records"]["Contacts"] == 0
        wrong = Client().post("/sandbox/zoho/control/", json.dumps({"knobs": {"shoe": 1}}), content_type="application/json")
        assert wrong.status_code == 400 and "There is no knob shoe" in wrong.json()["error"]
        assert Client(REMOTE_ADDR="203.0.113.7").get("/sandbox/zoho/").status_code == 403
