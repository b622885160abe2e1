"""A webhook of the CRM is a hint: the record is read, and nothing of the call is believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from django.test import Client

from connectors.contracts import Hint, Subscription
from scrm.connections.services import upsert_connection
from scrm.contacts.models import Contact
from scrm.core import clock
from scrm.sync import pulls, subscriptions
from scrm.sync.models import Pull, SyncPlan
from tests.sync import fake_crm
from tests.sync.conftest import Shop, later
from tests.sync.test_pull import linked
from tests.sync.test_pull import two_ways as two_ways


class TestHints:
    def test_a_named_record_is_read_at_once(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        two_ways.far.put(record, {"company": "Lucky Trading"})
        pulls.hear(two_ways.crm.pk, [Hint("contact", record, "propertyChange")] * 3)
        reads = two_ways.far.reads
        assert pulls.read_due() == 1
        chan.refresh_from_db()
        assert (chan.company, two_ways.far.reads) == ("Lucky Trading", reads + 1)
        assert pulls.read_due() == 0

    def test_a_record_that_is_not_there_any_more_is_marked(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        two_ways.far.remove(record)
        pulls.hear(two_ways.crm.pk, [Hint("contact", record, "deletion")])
        pulls.read_due()
        assert Contact.objects.filter(pk=chan.pk).exists()
        assert two_ways.crm.external_records.get().removed_at is not None

    def test_where_batches_are_set_it_waits_for_the_next(self, two_ways: Shop) -> None:
        _, record = linked(two_ways)
        SyncPlan.objects.create(connection=two_ways.crm, kind="contact", pace="batch", minutes=30)
        pulls.hear(two_ways.crm.pk, [Hint("contact", record)])
        assert pulls.read_due() == 0
        later(minutes=31)
        assert pulls.read_due() == 1

    def test_a_hint_of_something_unknown_asks_for_nothing(self, two_ways: Shop) -> None:
        assert pulls.hear(two_ways.crm.pk, [Hint("deal", "4711"), Hint("contact", "")]) == 0
        assert not Pull.objects.exists()


class TestWebhook:
    def test_hubspots_call_is_checked_and_its_records_are_read(self, db: None) -> None:
        crm = upsert_connection(
            "hubspot", label="HubSpot", kind="crm", adapter="hubspot", secrets={"access_token": "t", "client_secret": "s3cret"}
        )
        events = [{"subscriptionType": "contact.propertyChange", "objectId": 4711, "propertyName": "company", "propertyValue": "Forged"}]
        assert _post(crm.slug, events, "wrong").status_code == 403
        assert not Pull.objects.exists()
        assert _post(crm.slug, events, "s3cret").status_code == 200
        assert list(Pull.objects.values_list("kind", "external_id", "state")) == [("contact", "4711", "due")]


def _post(slug: str, events: list[dict[str, Any]], secret: str) -> Any:
    body, stamp = json.dumps(events), str(int(time.time() * 1000))
    path = f"/webhooks/crm/{slug}/"
    signed = f"POSThttp://testserver{path}{body}{stamp}".encode()
    signature = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp}
    return Client().post(path, body, content_type="application/json", headers=headers)


class TestSubscriptions:
    def test_they_are_asked_for_once_and_renewed_every_day(self, two_ways: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[tuple[str, str]] = []

        def subscribe(crm: Any, url: str, token: str) -> Subscription:
            asked.append((url, token))
            return Subscription("channel-1", clock.now())

        monkeypatch.setattr(fake_crm.FakeCrm, "subscribe", subscribe, raising=False)
        monkeypatch.setattr(fake_crm.FakeCrm, "unsubscribe", lambda *_: None, raising=False)
        monkeypatch.setattr(subscriptions, "EVERY", subscriptions.EVERY)
        assert subscriptions.renew_all() == 1
        later(hours=25)
        assert subscriptions.renew_all() == 1
        assert len({url for url, _ in asked}) == len({token for _, token in asked}) == 1
        assert asked[0][0].endswith("/webhooks/crm/crm/")
        assert len(asked[0][1]) >= 32

    def test_a_crm_that_cannot_is_left_alone(self, two_ways: Shop) -> None:
        assert subscriptions.renew_all() == 0
