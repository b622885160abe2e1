"""Who is let in, how often, and what goes wrong on request."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from .conftest import API, OBJECTS, CrmClient

pytestmark = pytest.mark.django_db(databases="__all__")


class TestAccess:
    def test_wrong_token_is_401_without_a_trace(self, crm: CrmClient) -> None:
        crm.token = "pat-sandbox-wrong"
        response = crm.post(f"{OBJECTS}/contacts", {"properties": {"firstname": "x"}})
        assert response.status_code == 401
        assert response.json()["category"] == "INVALID_AUTHENTICATION"
        assert crm.control()["records"] == {}

    @pytest.mark.parametrize("path", [f"{OBJECTS}/contacts", "/sandbox/crm/control/", "/sandbox/crm/control/log", "/sandbox/crm/"])
    def test_other_machines_are_refused(self, crm: CrmClient, path: str) -> None:
        stranger = Client(REMOTE_ADDR="203.0.113.9", HTTP_AUTHORIZATION=f"Bearer {crm.token}")
        assert stranger.get(path).status_code == 403

    def test_others_are_let_in_when_the_setting_says_so(self, crm: CrmClient, settings: Any) -> None:
        settings.SANDBOX_ALLOW_REMOTE = True
        stranger = Client(REMOTE_ADDR="203.0.113.9", HTTP_AUTHORIZATION=f"Bearer {crm.token}")
        assert stranger.get(f"{OBJECTS}/contacts").status_code == 200

    def test_account_details_answer_a_test_call(self, crm: CrmClient) -> None:
        details = crm.get(f"{API}/account-info/2026-03/details").json()
        assert details["portalId"] > 0
        assert details["timeZone"] == "Asia/Hong_Kong"


class TestRateLimits:
    def test_headers_count_down(self, crm: CrmClient) -> None:
        first, second = crm.get(f"{OBJECTS}/contacts"), crm.get(f"{OBJECTS}/contacts")
        assert first["X-HubSpot-RateLimit-Max"] == "190"
        assert first["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
        assert int(first["X-HubSpot-RateLimit-Remaining"]) - int(second["X-HubSpot-RateLimit-Remaining"]) == 1
        assert int(first["X-HubSpot-RateLimit-Daily-Remaining"]) - int(second["X-HubSpot-RateLimit-Daily-Remaining"]) == 1

    def test_one_call_more_than_allowed_in_ten_seconds_is_429(self, crm: CrmClient) -> None:
        crm.control("", {"limits": {"ten_secondly": 3}})
        statuses = [crm.get(f"{OBJECTS}/contacts").status_code for _ in range(3)]
        refused = crm.get(f"{OBJECTS}/contacts")
        assert (statuses, refused.status_code) == ([200] * 3, 429)
        assert refused.json()["policyName"] == "TEN_SECONDLY_ROLLING"
        assert refused.json()["category"] == "RATE_LIMITS"
        assert refused["X-HubSpot-RateLimit-Remaining"] == "0"

    def test_search_has_a_limit_of_its_own(self, crm: CrmClient) -> None:
        crm.control("", {"limits": {"ten_secondly": 1, "search_per_second": 2}})
        assert [crm.search("contacts").status_code for _ in range(3)] == [200, 200, 429]
        assert crm.get(f"{OBJECTS}/contacts").status_code == 200

    def test_daily_quota(self, crm: CrmClient) -> None:
        crm.control("", {"limits": {"daily": 2}})
        answers = [crm.get(f"{OBJECTS}/contacts") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].json()["policyName"] == "DAILY"


class TestFaults:
    @pytest.mark.parametrize(
        ("knob", "status"), [("error_500", 500), ("error_429", 429), ("error_401", 401), ("html", 502), ("timeout", 504)]
    )
    def test_strikes_before_anything_is_written(self, crm: CrmClient, knob: str, status: int) -> None:
        crm.control("", {"faults": {knob: 1, "timeout_seconds": 0}})
        assert crm.post(f"{OBJECTS}/contacts", {"properties": {"firstname": "志明"}}).status_code == status
        assert crm.control()["records"] == {}

    def test_html_is_not_json(self, crm: CrmClient) -> None:
        crm.control("", {"faults": {"html": 1}})
        assert crm.get(f"{OBJECTS}/contacts")["Content-Type"].startswith("text/html")

    def test_lost_answer_has_written(self, crm: CrmClient) -> None:
        crm.control("", {"faults": {"lost_answer": 1}})
        assert crm.post(f"{OBJECTS}/contacts", {"properties": {"firstname": "志明"}}).status_code == 502
        assert crm.control()["records"] == {"contacts": 1}

    def test_remaining_bounds_the_number_of_strikes(self, crm: CrmClient) -> None:
        crm.control("", {"faults": {"error_500": 1, "remaining": 2}})
        assert [crm.get(f"{OBJECTS}/contacts").status_code for _ in range(4)] == [500, 500, 200, 200]

    def test_path_narrows_the_victims(self, crm: CrmClient) -> None:
        crm.control("", {"faults": {"error_500": 1, "path": "/deals"}})
        assert crm.get(f"{OBJECTS}/contacts").status_code == 200
        assert crm.get(f"{OBJECTS}/deals").status_code == 500

    @pytest.mark.parametrize("wrong", [{"error_500": 2}, {"error_418": 1}, {"stall_ms": -1}, {"error_500": "often"}])
    def test_wrong_knobs_are_refused_and_change_nothing(self, crm: CrmClient, wrong: dict[str, object]) -> None:
        assert crm.control("", {"faults": wrong})["category"] == "VALIDATION_ERROR"
        assert crm.get(f"{OBJECTS}/contacts").status_code == 200


class TestLog:
    def test_says_who_wrote_what_with_which_key(self, crm: CrmClient) -> None:
        crm.add_unique_id()
        made = crm.upsert("contacts", {"scrm_id": "c-7", "firstname": "志明"}).json()["results"][0]
        crm.upsert("contacts", {"scrm_id": "c-7", "firstname": "Chi Ming"})
        lines = crm.control("log?scrm_id=c-7")["results"]
        assert [(line["action"], line["object_id"], line["source"]) for line in lines] == [
            ("create", made["id"], "INTEGRATION"),
            ("update", made["id"], "INTEGRATION"),
        ]
        assert lines[1]["changes"] == {"firstname": ["志明", "Chi Ming"]}

    def test_pages_by_since(self, crm: CrmClient) -> None:
        for name in ("志明", "春嬌", "嘉欣"):
            crm.create("contacts", firstname=name)
        first = crm.control("log?limit=2")
        rest = crm.control(f"log?limit=2&since={first['next']}")
        assert (len(first["results"]), len(rest["results"]), rest["next"]) == (2, 1, None)

    def test_reset_clears_all_but_the_credentials_and_what_is_kept(self, crm: CrmClient) -> None:
        crm.add_unique_id()
        crm.create("contacts", firstname="志明")
        crm.control("", {"faults": {"error_500": 1}})
        after = crm.control("reset", {"keep": ["properties"]})
        assert (after["records"], after["writes"], after["faults"]["error_500"]) == ({}, 0, 0.0)
        assert crm.upsert("contacts", {"scrm_id": "c-1"}).status_code == 200


class TestVocabulary:
    def test_custom_property_is_listed_and_cannot_be_made_twice(self, crm: CrmClient) -> None:
        crm.add_unique_id("communications")
        found = crm.get(f"{API}/crm/properties/2026-03/communications/scrm_id").json()
        assert found["hasUniqueValue"] is True
        assert found["hubspotDefined"] is False
        body = {"name": "scrm_id", "label": "again", "type": "string", "fieldType": "text", "groupName": "g"}
        again = crm.post(f"{API}/crm/properties/2026-03/communications", body)
        assert again.status_code == 409
        assert again.json()["category"] == "OBJECT_ALREADY_EXISTS"
        assert crm.get(f"{API}/crm/properties/2026-03/communications/nothing").status_code == 404

    def test_enumeration_takes_its_options_only(self, crm: CrmClient) -> None:
        body = {"name": "scrm_tags", "label": "Tags", "type": "enumeration", "fieldType": "checkbox", "groupName": "g",
                "options": [{"label": "VIP", "value": "vip"}, {"label": "Price", "value": "price_sensitive"}]}  # fmt: skip
        assert crm.post(f"{API}/crm/properties/2026-03/contacts", body).status_code == 201
        assert crm.create("contacts", scrm_tags="vip;price_sensitive")["properties"]["scrm_tags"] == "vip;price_sensitive"
        wrong = crm.post(f"{OBJECTS}/contacts", {"properties": {"scrm_tags": "vip;loud"}})
        assert wrong.json()["errors"][0]["code"] == "INVALID_OPTION"
        vips = crm.search("contacts", {"propertyName": "scrm_tags", "operator": "IN", "values": ["vip"]})
        assert vips.json()["total"] == 1

    def test_deal_pipeline_and_owners(self, crm: CrmClient) -> None:
        pipeline = crm.get(f"{API}/crm/pipelines/2026-03/deals").json()["results"][0]
        assert pipeline["stages"][-2]["metadata"] == {"isClosed": "true", "probability": "1.0"}
        owners = crm.get(f"{API}/crm/owners/2026-03").json()["results"]
        one = crm.get(f"{API}/crm/owners/2026-03?email={owners[1]['email']}").json()["results"]
        assert [owner["id"] for owner in one] == [owners[1]["id"]]
