"""Search: operators, sorts, the limits that a client has to plan for."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import CrmClient

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def people(crm: CrmClient) -> dict[str, Any]:
    crm.control("", {"limits": {"search_per_second": 1000}})
    return {
        "mei": crm.create("contacts", firstname="美玲", city="Hong Kong", phone="+852 9123 4567", email="mei@example.hk"),
        "ting": crm.create("contacts", firstname="雅婷", city="Taipei", lifecyclestage="customer"),
        "haruka": crm.create("contacts", firstname="Haruka", lastname="Sato", city="Tokyo", lifecyclestage="lead"),
        "darren": crm.create("contacts", firstname="Darren", lastname="Lim", city="Singapore", lifecyclestage="lead"),
    }


def names(people: dict[str, Any], response: Any) -> set[str]:
    by_id = {person["id"]: name for name, person in people.items()}
    return {by_id[row["id"]] for row in response.json()["results"]}


class TestOperators:
    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            ({"propertyName": "email", "operator": "EQ", "value": "MEI@example.hk"}, {"mei"}),
            ({"propertyName": "city", "operator": "EQ", "value": "taipei"}, {"ting"}),
            ({"propertyName": "lifecyclestage", "operator": "NEQ", "value": "lead"}, {"ting"}),
            ({"propertyName": "lifecyclestage", "operator": "HAS_PROPERTY"}, {"ting", "haruka", "darren"}),
            ({"propertyName": "lifecyclestage", "operator": "NOT_HAS_PROPERTY"}, {"mei"}),
            ({"propertyName": "city", "operator": "IN", "values": ["tokyo", "singapore"]}, {"haruka", "darren"}),
            ({"propertyName": "firstname", "operator": "CONTAINS_TOKEN", "value": "dar*"}, {"darren"}),
            ({"propertyName": "city", "operator": "CONTAINS_TOKEN", "value": "kong"}, {"mei"}),
            ({"propertyName": "city", "operator": "CONTAINS_TOKEN", "value": "kon"}, set()),
            ({"propertyName": "createdate", "operator": "GT", "value": "0"}, {"mei", "ting", "haruka", "darren"}),
            ({"propertyName": "lastmodifieddate", "operator": "LT", "value": "1000"}, set()),
        ],
    )
    def test_decide_as_the_manual_says(self, crm: CrmClient, people: dict[str, Any], wanted: dict[str, Any], expected: set[str]) -> None:
        assert names(people, crm.search("contacts", wanted)) == expected

    def test_between_includes_both_ends(self, crm: CrmClient) -> None:
        made = [crm.create("deals", dealname="訂單", amount=amount) for amount in ("99", "100", "250.50", "251")]
        found = crm.search("deals", {"propertyName": "amount", "operator": "BETWEEN", "value": "100", "highValue": "250.5"})
        assert [row["id"] for row in found.json()["results"]] == [made[1]["id"], made[2]["id"]]

    def test_groups_are_or_and_filters_are_and(self, crm: CrmClient, people: dict[str, Any]) -> None:
        lead = {"propertyName": "lifecyclestage", "operator": "EQ", "value": "lead"}
        tokyo = {"propertyName": "city", "operator": "EQ", "value": "Tokyo"}
        taipei = {"propertyName": "city", "operator": "EQ", "value": "Taipei"}
        body = {"filterGroups": [{"filters": [lead, tokyo]}, {"filters": [taipei]}]}
        assert names(people, crm.post("/sandbox/crm/api/crm/objects/2026-03/contacts/search", body)) == {"haruka", "ting"}

    def test_query_finds_words_in_the_default_properties(self, crm: CrmClient, people: dict[str, Any]) -> None:
        assert names(people, crm.search("contacts", query="sato haruka")) == {"haruka"}

    def test_unknown_property_and_operator_are_refused(self, crm: CrmClient) -> None:
        wrong = crm.search("contacts", {"propertyName": "shoe_size", "operator": "EQ", "value": "42"})
        assert wrong.status_code == 400
        assert wrong.json()["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"
        assert crm.search("contacts", {"propertyName": "city", "operator": "LIKE", "value": "x"}).status_code == 400


class TestPages:
    def test_walk_by_id_finds_every_row_of_one_timestamp(self, crm: CrmClient, people: dict[str, Any]) -> None:
        seen: list[str] = []
        last = "0"
        while True:
            above = {"propertyName": "hs_object_id", "operator": "GT", "value": last}
            page = crm.search("contacts", above, sorts=["hs_object_id"], limit=3).json()["results"]
            if not page:
                break
            seen += [row["id"] for row in page]
            last = page[-1]["id"]
        assert seen == [person["id"] for person in people.values()]

    def test_after_walks_the_rows_in_the_order_asked_for(self, crm: CrmClient, people: dict[str, Any]) -> None:
        sorts = [{"propertyName": "city", "direction": "DESCENDING"}]
        first = crm.search("contacts", sorts=sorts, limit=3).json()
        rest = crm.search("contacts", sorts=sorts, limit=3, after=first["paging"]["next"]["after"]).json()
        cities = [row["id"] for row in first["results"] + rest["results"]]
        assert cities == [people[name]["id"] for name in ("haruka", "ting", "darren", "mei")]
        assert first["total"] == 4
        assert "paging" not in rest

    @pytest.mark.parametrize(
        "wrong", [{"limit": 201}, {"limit": 0}, {"after": "9901", "limit": 100}, {"after": "x"}, {"sorts": ["city", "zip"]}]
    )
    def test_limits_of_pages_and_rows(self, crm: CrmClient, wrong: dict[str, Any]) -> None:
        response = crm.search("contacts", **wrong)
        assert response.status_code == 400
        assert response.json()["category"] == "VALIDATION_ERROR"

    def test_more_groups_or_filters_than_allowed(self, crm: CrmClient) -> None:
        one = {"propertyName": "city", "operator": "EQ", "value": "Tokyo"}
        assert crm.search("contacts", *[one] * 26).status_code == 400

    def test_index_lag_hides_new_writes_until_it_has_passed(self, crm: CrmClient, people: dict[str, Any]) -> None:
        crm.control("", {"faults": {"search_lag_ms": 60_000}})
        assert crm.search("contacts").json()["total"] == 0
        crm.control("", {"faults": {"search_lag_ms": 0}})
        assert crm.search("contacts").json()["total"] == 4
