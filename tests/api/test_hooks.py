"""Zapier's REST Hooks and Make's triggers: subscribe, sample, poll, cancel, and what a token may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from scrm.api.models import PartnerToken
from scrm.api.services import issue_token, revoke_token
from scrm.connections.models import Connection
from scrm.contacts import events
from scrm.hooks.models import Delivery, Endpoint
from tests.api.people import Partner

HOOK = "http://127.0.0.1:9/hooks/standard/1/abc/"


def post(partner: Partner, body: Any, path: str = "hooks/") -> Any:
    return partner.http.post(f"/api/v1/{path}", body, content_type="application/json")


def subscribe(partner: Partner, event: str = "message.received", url: str = HOOK) -> Any:
    return post(partner, {"targetUrl": url, "event": event})


class TestSubscribing:
    def test_is_answered_with_the_id_to_cancel_and_the_secret_once(self, partner: Partner) -> None:
        made = subscribe(partner)
        assert made.status_code == 201 and made.json()["secret"].startswith("whsec_")
        again = subscribe(partner)
        assert (again.status_code, again.json()["id"], again.json()["secret"]) == (200, made.json()["id"], "")
        assert [row["targetUrl"] for row in partner.results("hooks/")] == [HOOK]
        gone = partner.http.delete(f"/api/v1/hooks/{made.json()['id']}/")
        assert gone.status_code == 204 and not Endpoint.objects.exists()
        assert partner.http.delete(f"/api/v1/hooks/{made.json()['id']}/").status_code == 404

    def test_is_cancelled_by_address_too(self, partner: Partner) -> None:
        subscribe(partner)
        subscribe(partner, "contact.created")
        assert post(partner, {"targetUrl": HOOK, "event": "contact.created"}, "hooks/unsubscribe/").status_code == 204
        assert [row.events for row in Endpoint.objects.all()] == [["message.received"]]
        for _ in range(2):
            assert post(partner, {"targetUrl": HOOK}, "hooks/unsubscribe/").status_code == 204
        assert not Endpoint.objects.exists()

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"targetUrl": HOOK},
            {"targetUrl": HOOK, "event": "planet.moved"},
            {"targetUrl": "https://169.254.169.254/x", "event": "contact.created"},
            {"targetUrl": "ftp://example.com/x", "event": "contact.created"},
            {"targetUrl": "hook", "event": "contact.created"},
            [],
            "x",
        ],
    )
    def test_is_refused_in_words(self, partner: Partner, body: Any) -> None:
        answer = post(partner, body)
        assert answer.status_code == 400 and answer.json()["error"]["message"] and not Endpoint.objects.exists()

    def test_shows_no_more_than_the_token_may_read(self, db: None) -> None:
        narrow = Partner(issue_token("Make", ["hooks:write", "contacts:read"])[1])
        assert subscribe(narrow).status_code == 403
        assert subscribe(narrow, "contact.created").status_code == 201
        assert narrow.get("hooks/poll/", event="message.received").status_code == 403
        assert Partner(issue_token("Reader", ["contacts:read"])[1]).get("hooks/").status_code == 403
        assert Client().get("/api/v1/hooks/").status_code == 401

    def test_a_token_sees_and_cancels_only_its_own(self, partner: Partner) -> None:
        made = subscribe(partner).json()
        other = Partner(issue_token("Other", ["hooks:write"])[1])
        assert other.results("hooks/") == [] and other.http.delete(f"/api/v1/hooks/{made['id']}/").status_code == 404
        post(other, {"targetUrl": HOOK}, "hooks/unsubscribe/")
        assert Endpoint.objects.count() == 1

    def test_ends_with_the_token(self, partner: Partner) -> None:
        subscribe(partner)
        revoke_token(PartnerToken.objects.get())
        assert not Endpoint.objects.exists()


class TestSamplesAndPolling:
    def test_have_the_shape_of_live_messages(
        self, partner: Partner, hong_kong: Connection, customer: Callable[..., Any], writes: Callable[..., Any]
    ) -> None:
        subscribe(partner)
        invented = partner.get("hooks/sample/", event="message.received").json()
        writes(customer("陳大文", "+85291230001"), hong_kong, "你好")
        while events.deliver("hooks"):
            pass
        live = Delivery.objects.get().body
        polled = partner.get("hooks/poll/", event="message.received").json()
        assert polled == [live] == partner.get("hooks/sample/", event="message.received").json()
        assert _shape(invented[0]) == _shape(live)

    def test_polling_is_newest_first_and_each_update_has_an_id_of_its_own(
        self, partner: Partner, hong_kong: Connection, customer: Callable[..., Any], writes: Callable[..., Any]
    ) -> None:
        chan = customer("陳大文", "+85291230001")
        for number in range(3):
            writes(chan, hong_kong, f"第{number}則")
        polled = partner.get("hooks/poll/", event="message.received").json()
        assert [row["message"]["text"] for row in polled] == ["第2則", "第1則", "第0則"]
        assert len({row["id"] for row in polled}) == 3 and {row["contact_id"] for row in polled} == {chan.contact_id}
        assert [row["id"] for row in polled] == [f"{row['contact_id']}:{row['version']}" for row in polled]

    @pytest.mark.parametrize("event", ["", "planet.moved", "\x00"])
    def test_unknown_events_are_told(self, partner: Partner, event: str) -> None:
        assert partner.get("hooks/sample/", event=event).status_code == 400


def _shape(value: Any) -> Any:
    return {name: _shape(part) for name, part in value.items() if name != "data"} if isinstance(value, dict) else None
