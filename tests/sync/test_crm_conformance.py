"""HubSpot's adapter against the stand-in's real server: what keeping both sides in step asks of every adapter."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from connectors import conformance
from connectors.contracts import Account, Hint, Write
from connectors.crms.hubspot import HubSpot
from scrm.sandbox.crm.account import account, connection_settings
from scrm.sandbox.crm.models import Record
from scrm.sandbox.crm.records import Actor, archive, create, merge, update
from scrm.sandbox.crm.schema import CONTACTS

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
    pytest.mark.urls("tests.sync.crm_urls"),
]
WONG = Actor("Mei Lin Wong", "CRM_UI")


@pytest.fixture
def crm(live_server: Any) -> HubSpot:
    given = connection_settings()
    made = HubSpot(Account("hubspot", {**given["settings"], "base_url": f"{live_server.url}/sandbox/crm/api"}, given["secrets"]))
    own = account()
    own.limits = {"search_per_second": 1_000}
    own.save()
    made.prepare()
    return made


def person(number: int) -> Record:
    return create(CONTACTS, {"firstname": f"客人{number}", "phone": f"+8529800{number:04}"}, by=WONG)


class TestFeeds:
    def test_records_of_one_moment_are_all_seen(self, crm: HubSpot) -> None:
        rows = [person(number) for number in range(23)]
        Record.objects.update(updated_at=rows[0].updated_at)
        conformance.check_one_moment(crm, "contact", [str(row.pk) for row in rows], 10)

    def test_a_run_goes_on_where_the_last_one_ended(self, crm: HubSpot) -> None:
        rows = [person(number) for number in range(3)]

        def change() -> str:
            update(Record.objects.get(pk=rows[1].pk), {"company": "Lucky Trading"}, kind=CONTACTS, by=WONG)
            return str(rows[1].pk)

        conformance.check_going_on(crm, "contact", change)

    def test_deleted_and_merged_records_are_told(self, crm: HubSpot) -> None:
        one, two, three, four = (person(number) for number in range(4))
        archive(one, by=WONG)
        survivor = merge(two, three, kind=CONTACTS, by=WONG)
        known = [str(row.pk) for row in (one, two, three, four)]
        conformance.check_removals(crm, "contact", str(one.pk), known, merged=(str(two.pk), str(survivor.pk)))


class TestWrites:
    def test_our_own_write_is_known_again(self, crm: HubSpot) -> None:
        conformance.check_versions(crm, Write("contact", "7", {"firstname": "美玲"}))

    def test_a_stale_write_is_refused(self, crm: HubSpot) -> None:
        def meanwhile(record_id: str) -> None:
            update(Record.objects.get(pk=int(record_id)), {"company": "Theirs"}, kind=CONTACTS, by=WONG)

        conformance.check_conditions(crm, Write("contact", "7", {"company": "Ours"}), meanwhile)

    def test_a_reached_limit_is_told(self, crm: HubSpot) -> None:
        own = account()
        own.limits = {"ten_secondly": 1}
        own.save()
        conformance.check_patience(lambda: [crm.check() for _ in range(3)])


class TestHints:
    def test_a_webhook_names_its_records_and_a_forged_one_is_refused(self, crm: HubSpot) -> None:
        url, stamp = "https://crm.example.hk/webhooks/crm/hubspot/", str(int(time.time() * 1000))
        body = json.dumps([{"subscriptionType": "contact.propertyChange", "objectId": 4711}]).encode()
        secret = connection_settings()["secrets"]["client_secret"].encode()
        signature = base64.b64encode(hmac.new(secret, b"POST" + url.encode() + body + stamp.encode(), hashlib.sha256).digest())
        headers = {"x-hubspot-signature-v3": signature.decode(), "x-hubspot-request-timestamp": stamp}
        conformance.check_hints(crm, body, headers, url, [Hint("contact", "4711")])
