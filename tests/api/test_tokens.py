from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from scrm.api.models import PartnerToken
from scrm.api.resources import Resource
from scrm.api.scopes import SCOPES
from scrm.api.services import issue_token, revoke_token
from scrm.api.throttling import PartnerThrottle
from scrm.api.urls import router
from scrm.core import clock
from tests.api.people import NOON, Partner

pytestmark = pytest.mark.django_db


def resources() -> list[tuple[str, type[Resource]]]:
    return [(prefix, view) for prefix, view, _name in router.registry]


class TestToken:
    def test_is_kept_as_a_digest_alone(self) -> None:
        token, plaintext = issue_token("Zapier", ["contacts:read"])
        assert plaintext.startswith("scrm_")
        stored = " ".join(str(value) for value in PartnerToken.objects.values().get(pk=token.pk).values())
        assert plaintext not in stored
        assert plaintext[5:] not in stored

    def test_with_a_scope_nobody_knows_is_not_issued(self) -> None:
        with pytest.raises(ValueError, match="contacts:eat"):
            issue_token("Zapier", ["contacts:eat"])
        assert not PartnerToken.objects.exists()

    def test_ends_at_its_expiry_to_the_second(self) -> None:
        partner = Partner(issue_token("Zapier", SCOPES, expires_at=NOON)[1])
        with clock.frozen(NOON - timedelta(seconds=1)):
            assert partner.get("contacts/").status_code == 200
        with clock.frozen(NOON):
            assert partner.get("contacts/").status_code == 401

    def test_opens_nothing_once_revoked(self) -> None:
        token, plaintext = issue_token("Zapier", SCOPES)
        assert Partner(plaintext).get("contacts/").status_code == 200
        revoke_token(token)
        assert Partner(plaintext).get("contacts/").status_code == 401

    def test_use_is_recorded_at_most_once_a_minute(self) -> None:
        token, plaintext = issue_token("Zapier", SCOPES)
        for seconds, recorded in ((0, 0), (59, 0), (60, 60), (100, 60)):
            with clock.frozen(NOON + timedelta(seconds=seconds)):
                Partner(plaintext).get("contacts/")
            token.refresh_from_db()
            assert token.last_used_at == NOON + timedelta(seconds=recorded)


class TestUnknownCaller:
    @pytest.mark.parametrize(("prefix", "view"), resources())
    def test_is_refused_everywhere(self, client: Client, prefix: str, view: type[Resource]) -> None:
        for address in (f"/api/v1/{prefix}/", f"/api/v1/{prefix}/1/"):
            answer = client.get(address)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "not_authenticated"
            assert answer["WWW-Authenticate"].startswith("Bearer")

    @pytest.mark.parametrize(
        "header",
        [
            "Bearer scrm_unknown",
            "Bearer",
            "Bearer ",
            "Bearer scrm_" + "x" * 9000,
            "Bearer scrm_香港",
            "Basic YWRtaW46YWRtaW4=",
            "Bearer scrm_a scrm_b",
        ],
    )
    def test_is_refused_whatever_the_header(self, client: Client, header: str) -> None:
        assert client.get("/api/v1/contacts/", headers={"Authorization": header.encode().decode("latin-1")}).status_code == 401

    def test_gets_no_further_with_a_console_session(self, admin_client: Client) -> None:
        assert admin_client.get("/api/v1/contacts/").status_code == 401


class TestScope:
    @pytest.mark.parametrize(("prefix", "view"), resources())
    def test_is_declared_for_every_method_that_is_served(self, prefix: str, view: type[Resource]) -> None:
        served = {"GET"} | {method for method, name in (("POST", "create"), ("DELETE", "destroy")) if hasattr(view, name)}
        assert set(view.required_scopes) == served
        assert set(view.required_scopes.values()) <= set(SCOPES)

    @pytest.mark.parametrize(("prefix", "view"), resources())
    def test_alone_opens_its_resource(self, prefix: str, view: type[Resource]) -> None:
        needed = view.required_scopes["GET"]
        assert Partner(issue_token("right", [needed])[1]).get(f"{prefix}/").status_code == 200
        refused = Partner(issue_token("others", set(SCOPES) - {needed})[1]).get(f"{prefix}/")
        assert refused.status_code == 403
        assert needed in refused.json()["error"]["message"]

    def test_to_read_messages_does_not_send_them(self) -> None:
        reader = Partner(issue_token("reader", ["messages:read"])[1])
        answer = reader.send({"conversation": 1, "text": "你好"})
        assert answer.status_code == 403
        assert "messages:write" in answer.json()["error"]["message"]

    @pytest.mark.parametrize("method", ["put", "patch", "delete"])
    def test_of_no_token_changes_or_deletes(self, partner: Partner, method: str) -> None:
        assert getattr(partner.http, method)("/api/v1/contacts/1/").status_code == 405


class TestThrottle:
    def test_counts_each_token_by_itself(self, monkeypatch: pytest.MonkeyPatch, partner: Partner) -> None:
        cache.clear()
        monkeypatch.setattr(PartnerThrottle, "rate", "3/min", raising=False)
        other = Partner(issue_token("Make", SCOPES)[1])
        with clock.frozen(NOON):
            codes = [partner.get("tags/").status_code for _ in range(4)]
            refused: Any = partner.get("tags/")
            assert other.get("tags/").status_code == 200
        with clock.frozen(NOON + timedelta(seconds=61)):
            assert partner.get("tags/").status_code == 200
        assert codes == [200, 200, 200, 429]
        assert 1 <= int(refused["Retry-After"]) <= 61
        assert refused.json()["error"]["code"] == "throttled"
