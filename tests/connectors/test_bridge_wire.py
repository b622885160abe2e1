"""A webhook as a CRM: what goes out, and what the receiver's answers become."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors import conformance
from connectors import standard_webhooks as webhooks
from connectors.conformance import Answer
from connectors.contracts import Account, Link, Outcome, Write
from connectors.crms.bridge import Bridge
from connectors.errors import BadSignature, ConnectorError, Misconfigured, NeedsLogin, OutcomeUnknown, TryLater, Unreachable

SECRET = webhooks.new_secret()
CHAN = Write("contact", "12", {"first_name": "大文", "phone": "+85291230001", "tags": ["VIP", "茶"]})


def bridge(url: str) -> Bridge:
    return Bridge(Account("make", {"url": url}, {"signing_secret": SECRET, "header_secret": "s3cret-1"}))


class TestBridge:
    def test_posts_signed_records_with_their_links(self, loopback: Any) -> None:
        day = Write("communication", "34:2026-11-22", {"body": "11:30 陳大文: 你好"}, links=(Link("contact", "12"),))
        outcomes = bridge(loopback.url + "/hook").apply([CHAN, day])
        assert outcomes == [Outcome("12", "created", "12"), Outcome("34:2026-11-22", "created", "34:2026-11-22")]
        for seen in loopback.seen:
            webhooks.verify([SECRET], seen.headers, seen.body, datetime.now(UTC))
        first, second = (json.loads(seen.body) for seen in loopback.seen)
        assert first["type"] == "contact.created" and first["data"]["fields"] == CHAN.fields
        assert second["data"]["links"] == [{"kind": "contact", "key": "12"}]

    def test_a_repeated_write_is_known_by_its_id(self, loopback: Any) -> None:
        crm = bridge(loopback.url)
        crm.apply([CHAN, CHAN])
        assert len({seen.headers["webhook-id"] for seen in loopback.seen}) == 1
        crm.apply([Write("contact", "12", {**CHAN.fields, "phone": "+85291230002"}, id="12")])
        assert json.loads(loopback.seen[-1].body)["type"] == "contact.updated"
        assert len({seen.headers["webhook-id"] for seen in loopback.seen}) == 2

    def test_a_refused_record_harms_no_neighbour(self, loopback: Any) -> None:
        loopback.respond = lambda seen: Answer(400 if b"bad" in seen.body else 200)
        good = [Write("contact", str(number), {"first_name": "美玲"}) for number in range(3)]
        conformance.check_neighbours(bridge(loopback.url), good, Write("contact", "9", {"first_name": "bad"}))

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (410, Misconfigured),
            (404, Misconfigured),
            (302, Misconfigured),
            (401, NeedsLogin),
            (429, TryLater),
            (500, OutcomeUnknown),
            (503, OutcomeUnknown),
        ],
    )
    def test_what_concerns_the_receiver_raises(self, loopback: Any, status: int, error: type[ConnectorError]) -> None:
        loopback.always(Answer(status, b"{}"))
        with pytest.raises(error):
            bridge(loopback.url).apply([CHAN])

    def test_checking_sends_nothing(self, loopback: Any, refused_url: str) -> None:
        crm = bridge(loopback.url)
        crm.prepare()
        assert crm.check().ok and loopback.seen == []
        with pytest.raises(Unreachable):
            bridge(refused_url).check()

    def test_promises_only_what_a_webhook_can(self, loopback: Any) -> None:
        crm = bridge(loopback.url)
        assert crm.capabilities.feeds == frozenset() and not crm.capabilities.conditional
        assert crm.changes("contact", {}, 10).items == crm.removals("contact", {}, ["12"]).items == ()
        assert crm.read("contact", ["12"]) == []
        with pytest.raises(BadSignature):
            crm.hints(b"{}", {}, "")
        conformance.check_schema(crm, ["contact", "communication", "deal"])

    def test_addresses_inside_are_not_called(self) -> None:
        for url in ("http://169.254.169.254/latest/meta-data", "https://10.0.0.1/"):
            with pytest.raises(Misconfigured):
                bridge(url).apply([CHAN])

    def test_secrets_show_nowhere(self, loopback: Any, caplog: pytest.LogCaptureFixture) -> None:
        loopback.respond = lambda seen: Answer(400, b"token s3cret-1 is wrong")
        told = repr(bridge(loopback.url)) + str(bridge(loopback.url).apply([CHAN])) + caplog.text
        assert "s3cret-1" not in told and SECRET not in told
