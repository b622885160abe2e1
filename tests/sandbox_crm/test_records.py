"""The sandbox CRM's records over HTTP: what a client that knows only the vendor's manual would see."""

from __future__ import annotations

import pytest

from .conftest import API, OBJECTS, CrmClient

pytestmark = pytest.mark.django_db(databases="__all__")


class TestCreateAndRead:
    def test_returns_numeric_string_ids_and_millisecond_times(self, crm: CrmClient) -> None:
        made = crm.create("contacts", firstname="美玲", lastname="黃", phone="+85291234567")
        assert made["id"].isdigit()
        assert made["properties"]["hs_object_id"] == made["id"]
        assert made["createdAt"] == made["properties"]["createdate"]
        assert len(made["createdAt"]) == len("2026-11-22T08:15:30.123Z")
        read = crm.get(f"{OBJECTS}/contacts/{made['id']}?properties=phone,city").json()
        assert read["properties"]["phone"] == "+85291234567"
        assert read["properties"]["city"] is None

    def test_unknown_property_is_named_in_the_error(self, crm: CrmClient) -> None:
        response = crm.post(f"{OBJECTS}/contacts", {"properties": {"firstname": "さくら", "line_id": "U1"}})
        assert response.status_code == 400
        body = response.json()
        assert (body["status"], body["category"]) == ("error", "VALIDATION_ERROR")
        assert body["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"
        assert body["errors"][0]["context"] == {"propertyName": ["line_id"]}
        assert body["correlationId"] == response["X-HubSpot-Correlation-Id"]
        assert crm.get(f"{OBJECTS}/contacts").json()["results"] == []

    @pytest.mark.parametrize(
        ("kind", "properties", "code"),
        [
            ("contacts", {"createdate": "2026-01-01"}, "READ_ONLY_VALUE"),
            ("contacts", {"lifecyclestage": "friend"}, "INVALID_OPTION"),
            ("contacts", {"email": "not an address"}, "INVALID_EMAIL"),
            ("deals", {"amount": "HK$500"}, "INVALID_INTEGER"),
            ("deals", {"closedate": "next week"}, "INVALID_DATE"),
        ],
    )
    def test_wrong_values_are_refused(self, crm: CrmClient, kind: str, properties: dict[str, str], code: str) -> None:
        response = crm.post(f"{OBJECTS}/{kind}", {"properties": properties})
        assert response.status_code == 400
        assert [error["code"] for error in response.json()["errors"]] == [code]

    @pytest.mark.parametrize("value", [5, True, None, ["a"]])
    def test_values_that_are_no_strings_are_refused(self, crm: CrmClient, value: object) -> None:
        assert crm.post(f"{OBJECTS}/contacts", {"properties": {"city": value}}).status_code == 400

    def test_millisecond_numbers_become_iso_times(self, crm: CrmClient) -> None:
        made = crm.create("communications", hs_timestamp="1795335330123", hs_communication_channel_type="WHATS_APP")
        assert made["properties"]["hs_timestamp"] == "2026-11-22T08:15:30.123Z"

    def test_communication_needs_its_time(self, crm: CrmClient) -> None:
        response = crm.post(f"{OBJECTS}/communications", {"properties": {"hs_communication_body": "您好"}})
        assert response.status_code == 400
        assert response.json()["context"] == {"properties": ["hs_timestamp"]}

    def test_deal_starts_in_the_first_stage_of_the_default_pipeline(self, crm: CrmClient) -> None:
        made = crm.create("deals", dealname="iPhone 15 Pro Max")
        assert (made["properties"]["pipeline"], made["properties"]["dealstage"]) == ("default", "appointmentscheduled")

    def test_creation_can_associate(self, crm: CrmClient) -> None:
        contact = crm.create("contacts", firstname="Darren")
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}]
        body = {"properties": {"dealname": "WH-1000XM5"}, "associations": [{"to": {"id": contact["id"]}, "types": types}]}
        deal = crm.post(f"{OBJECTS}/deals", body).json()
        read = crm.get(f"{OBJECTS}/contacts/{contact['id']}?associations=deals").json()
        assert read["associations"]["deals"]["results"] == [{"id": deal["id"], "type": "contact_to_deal"}]

    def test_unknown_type_version_method_and_id(self, crm: CrmClient) -> None:
        assert crm.get(f"{OBJECTS}/unicorns").status_code == 400
        assert crm.get(f"{API}/crm/objects/2024-03/contacts").status_code == 404
        assert crm.call("PUT", f"{OBJECTS}/contacts").status_code == 405
        assert crm.get(f"{OBJECTS}/contacts/999999").json()["category"] == "OBJECT_NOT_FOUND"
        assert crm.call("POST", f"{OBJECTS}/contacts", None).status_code in {200, 201}
        assert crm.browser.post(f"{OBJECTS}/contacts", data="{", content_type="application/json").status_code == 401


class TestUpdate:
    def test_changes_what_is_named_and_clears_with_an_empty_string(self, crm: CrmClient) -> None:
        made = crm.create("contacts", firstname="雅婷", city="台北市", country="TW")
        path = f"{OBJECTS}/contacts/{made['id']}"
        changed = crm.call("PATCH", path, {"properties": {"city": "", "lastname": "陳"}}).json()
        assert changed["properties"]["lastname"] == "陳"
        assert "city" not in changed["properties"]
        assert changed["properties"]["country"] == "TW"
        assert changed["properties"]["lastmodifieddate"] > made["properties"]["lastmodifieddate"]

    def test_nothing_changed_leaves_the_modification_time(self, crm: CrmClient) -> None:
        made = crm.create("contacts", firstname="雅婷")
        same = crm.call("PATCH", f"{OBJECTS}/contacts/{made['id']}", {"properties": {"firstname": "雅婷"}}).json()
        assert same["updatedAt"] == made["updatedAt"]

    def test_by_unique_property(self, crm: CrmClient) -> None:
        crm.create("contacts", email="haruka@example.jp")
        path = f"{OBJECTS}/contacts/HARUKA@example.jp?idProperty=email"
        assert crm.call("PATCH", path, {"properties": {"city": "東京"}}).json()["properties"]["city"] == "東京"

    def test_unique_value_of_another_is_a_conflict_that_names_it(self, crm: CrmClient) -> None:
        holder = crm.create("contacts", email="haruka@example.jp")
        other = crm.create("contacts", firstname="遥")
        response = crm.call("PATCH", f"{OBJECTS}/contacts/{other['id']}", {"properties": {"email": "Haruka@Example.jp"}})
        assert response.status_code == 409
        assert response.json()["category"] == "CONFLICT"
        assert response.json()["context"]["existingObjectId"] == [holder["id"]]
        read = crm.get(f"{OBJECTS}/contacts/{other['id']}").json()
        assert read["properties"]["email"] is None


class TestUpsert:
    def test_creates_once_and_then_updates(self, crm: CrmClient) -> None:
        crm.add_unique_id()
        first = crm.upsert("contacts", {"scrm_id": "c-1", "firstname": "Darren"}).json()["results"][0]
        second = crm.upsert("contacts", {"scrm_id": "c-1", "lastname": "Lim"}).json()["results"][0]
        assert (first["new"], second["new"]) == (True, False)
        assert first["id"] == second["id"]
        assert second["properties"] | {"firstname": "Darren", "lastname": "Lim", "scrm_id": "c-1"} == second["properties"]

    def test_returns_the_trace_id_and_207_with_context_for_a_bad_row(self, crm: CrmClient) -> None:
        crm.add_unique_id()
        inputs = [
            {"id": "c-1", "idProperty": "scrm_id", "properties": {"firstname": "Darren"}, "objectWriteTraceId": "t-1"},
            {"id": "c-2", "idProperty": "scrm_id", "properties": {"shoe_size": "42"}, "objectWriteTraceId": "t-2"},
        ]
        response = crm.post(f"{OBJECTS}/contacts/batch/upsert", {"inputs": inputs})
        assert response.status_code == 207
        body = response.json()
        assert [row["objectWriteTraceId"] for row in body["results"]] == ["t-1"]
        assert body["numErrors"] == 1
        assert body["errors"][0]["context"] == {"ids": ["c-2"], "objectWriteTraceId": ["t-2"]}
        assert body["errors"][0]["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"

    def test_all_rows_wrong_is_the_error_itself(self, crm: CrmClient) -> None:
        crm.add_unique_id()
        response = crm.upsert("contacts", {"scrm_id": "c-1", "shoe_size": "42"})
        assert response.status_code == 400
        assert response.json()["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"

    def test_same_id_twice_is_refused_and_writes_nothing(self, crm: CrmClient) -> None:
        crm.add_unique_id()
        assert crm.upsert("contacts", {"scrm_id": "c-1", "city": "A"}, {"scrm_id": "c-1", "city": "B"}).status_code == 400
        assert crm.get(f"{OBJECTS}/contacts").json()["results"] == []

    def test_needs_a_unique_property_and_at_most_100_rows(self, crm: CrmClient) -> None:
        row = {"id": "+85291234567", "idProperty": "phone", "properties": {}}
        assert crm.post(f"{OBJECTS}/contacts/batch/upsert", {"inputs": [row]}).status_code == 400
        rows = [{"id": f"c-{number}", "idProperty": "email", "properties": {}} for number in range(101)]
        assert crm.post(f"{OBJECTS}/contacts/batch/upsert", {"inputs": rows}).status_code == 400

    def test_archived_record_frees_its_unique_value(self, crm: CrmClient) -> None:
        crm.add_unique_id()
        first = crm.upsert("contacts", {"scrm_id": "c-1"}).json()["results"][0]
        assert crm.call("DELETE", f"{OBJECTS}/contacts/{first['id']}").status_code == 204
        second = crm.upsert("contacts", {"scrm_id": "c-1"}).json()["results"][0]
        assert second["new"] is True
        assert second["id"] != first["id"]


class TestBatches:
    def test_create_read_update_archive(self, crm: CrmClient) -> None:
        rows = [{"properties": {"firstname": name}} for name in ("翔太", "蓮")]
        made = crm.post(f"{OBJECTS}/contacts/batch/create", {"inputs": rows})
        assert made.status_code == 201
        ids = [row["id"] for row in made.json()["results"]]
        body = {"inputs": [{"id": ids[0]}, {"id": "404404"}], "properties": ["firstname"]}
        read = crm.post(f"{OBJECTS}/contacts/batch/read", body)
        assert read.status_code == 207
        assert read.json()["results"][0]["properties"]["firstname"] == "翔太"
        assert read.json()["errors"][0]["context"]["ids"] == ["404404"]
        changed = crm.post(f"{OBJECTS}/contacts/batch/update", {"inputs": [{"id": ids[1], "properties": {"city": "大阪"}}]})
        assert changed.json()["results"][0]["properties"]["city"] == "大阪"
        assert crm.post(f"{OBJECTS}/contacts/batch/archive", {"inputs": [{"id": one} for one in ids]}).status_code == 204
        assert crm.get(f"{OBJECTS}/contacts").json()["results"] == []
        assert [row["id"] for row in crm.get(f"{OBJECTS}/contacts?archived=true").json()["results"]] == ids

    def test_conflicting_row_does_not_stop_its_neighbour(self, crm: CrmClient) -> None:
        crm.create("contacts", email="mei@example.hk")
        rows = [{"properties": {"email": "mei@example.hk"}}, {"properties": {"email": "ling@example.hk"}}]
        response = crm.post(f"{OBJECTS}/contacts/batch/create", {"inputs": rows})
        assert response.status_code == 207
        assert response.json()["errors"][0]["category"] == "CONFLICT"
        assert response.json()["results"][0]["properties"]["email"] == "ling@example.hk"


class TestMergeAndArchive:
    def test_survivor_has_a_new_id_and_the_old_ones_lead_to_it(self, crm: CrmClient) -> None:
        primary = crm.create("contacts", firstname="大文", email="taiman@example.hk")
        other = crm.create("contacts", firstname="Tai Man", phone="+85298765432")
        deal = crm.create("deals", dealname="SK-II 神仙水")
        crm.call("PUT", f"{OBJECTS}/contacts/{other['id']}/associations/default/deals/{deal['id']}")
        body = {"primaryObjectId": primary["id"], "objectIdToMerge": other["id"]}
        survivor = crm.post(f"{OBJECTS}/contacts/merge", body).json()
        assert survivor["id"] not in {primary["id"], other["id"]}
        assert survivor["properties"]["firstname"] == "大文"
        assert survivor["properties"]["phone"] == "+85298765432"
        assert survivor["properties"]["hs_merged_object_ids"] == f"{primary['id']};{other['id']}"
        for old in (primary, other):
            assert crm.get(f"{OBJECTS}/contacts/{old['id']}").json()["id"] == survivor["id"]
        assert [row["id"] for row in crm.get(f"{OBJECTS}/contacts").json()["results"]] == [survivor["id"]]
        assert crm.get(f"{OBJECTS}/contacts?archived=true").json()["results"] == []
        links = crm.get(f"{OBJECTS}/deals/{deal['id']}/associations/contacts").json()["results"]
        assert [link["toObjectId"] for link in links] == [survivor["id"]]

    def test_erased_record_is_gone_with_its_values_in_the_log(self, crm: CrmClient) -> None:
        made = crm.create("contacts", firstname="大文")
        assert crm.post(f"{OBJECTS}/contacts/gdpr-delete", {"objectId": made["id"]}).status_code == 204
        assert crm.get(f"{OBJECTS}/contacts/{made['id']}").status_code == 404
        log = crm.control("log")["results"]
        assert [row["action"] for row in log] == ["create", "erase"]
        assert all(row["changes"] == {} for row in log)


class TestListing:
    def test_pages_hold_every_record_once(self, crm: CrmClient) -> None:
        made = [crm.create("contacts", firstname=f"客人{number}")["id"] for number in range(7)]
        seen, after = [], "0"
        while after:
            page = crm.get(f"{OBJECTS}/contacts?limit=3&after={after}").json()
            seen += [row["id"] for row in page["results"]]
            after = page.get("paging", {}).get("next", {}).get("after")
        assert seen == made


class TestAssociations:
    def test_default_link_is_readable_from_both_ends_and_linking_twice_is_once(self, crm: CrmClient) -> None:
        contact = crm.create("contacts", firstname="葵")
        chat = crm.create("communications", hs_timestamp="1795335330123", hs_communication_body="ありがとうございます😊")
        path = f"{OBJECTS}/communications/{chat['id']}/associations/default/contacts/{contact['id']}"
        for _ in range(2):
            answer = crm.call("PUT", path)
            assert answer.status_code == 200
        assert answer.json()["results"][0]["associationSpec"]["associationTypeId"] == 81
        links = crm.get(f"{OBJECTS}/contacts/{contact['id']}/associations/communications").json()["results"]
        assert links == [{"toObjectId": chat["id"], "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 82, "label": None}]}]

    def test_batch_create_read_and_archive(self, crm: CrmClient) -> None:
        contact, deal = crm.create("contacts", firstname="葵"), crm.create("deals", dealname="Dyson V15")
        base = f"{API}/crm/associations/2026-03/deals/contacts/batch"
        ends = {"from": {"id": deal["id"]}, "to": {"id": contact["id"]}}
        assert crm.post(f"{base}/associate/default", {"inputs": [ends]}).status_code == 200
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}]
        assert crm.post(f"{base}/create", {"inputs": [{**ends, "types": types}]}).status_code == 201
        read = crm.post(f"{base}/read", {"inputs": [{"id": deal["id"]}]}).json()
        assert read["results"][0]["to"][0]["toObjectId"] == contact["id"]
        assert crm.post(f"{base}/archive", {"inputs": [{"from": {"id": deal["id"]}, "to": [{"id": contact["id"]}]}]}).status_code == 204
        assert crm.get(f"{OBJECTS}/contacts/{contact['id']}/associations/deals").json()["results"] == []
