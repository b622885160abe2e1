"""Where a REST server keeps its records: under labels, tried on a live answer, and in the place of a set-up step."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from connectors.crms.rest import EXAMPLES
from scrm.connections.models import Connection
from scrm.console.setup.records import RecordsForm
from scrm.sync.models import FieldMapping
from tests.console import test_rest_page
from tests.console.test_rest_page import ENGLISH
from tests.console.test_rest_page import crm as crm

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

ENTERED = {"list": "/people", "rows": "/data", "id": "/uuid", "paging_style": "none", "since_format": "iso", "resolution": "s"}


def definition(row: Connection) -> Any:
    row.refresh_from_db()
    return json.loads(row.settings.get("definition") or "{}")


class Records:
    def test_are_the_step_between_the_account_and_its_fields(self, owner: Client, crm: Connection) -> None:
        new = {"label": "House CRM", "country": "HK", "setting_base_url": crm.settings["base_url"], "setting_auth": "none"}
        answer = owner.post("/admin/setup/new/rest/", new)
        row = Connection.objects.get(label="House CRM")
        assert answer["Location"] == f"/admin/setup/{row.pk}/records/"
        assert f"/admin/setup/{row.pk}/records/" in owner.get(f"/admin/setup/{row.pk}/account/").content.decode()
        answer = owner.post(f"/admin/setup/{row.pk}/records/", {**ENTERED, "save": "1"})
        assert answer["Location"] == f"/admin/setup/{row.pk}/fields/"
        page = owner.get(answer["Location"]).content.decode()
        assert 'value="/name" selected' in page  # suggested from the pointer's name
        assert not FieldMapping.objects.filter(connection=row).exists()

    def test_what_was_entered_becomes_the_set_up_and_comes_back(self, owner: Client, crm: Connection) -> None:
        more = {"create": "POST /people", "key": "/scrm_id", "search": "q=(id:=:{key})", "empty_404": "on", "zone": "Asia/Tokyo"}
        pages = {"paging_style": "page", "paging_param": "p", "paging_first": "0", "paging_size": "50"}
        owner.post(f"/admin/setup/{crm.pk}/records/", {**ENTERED, **more, **pages, "save": "1"})
        assert definition(crm) == {
            "kinds": {
                "contact": {
                    **{"list": "/people", "rows": "/data", "id": "/uuid", "resolution": "s"},
                    **{"create": "POST /people", "key": "/scrm_id", "search": "q=(id:=:{key})", "empty_404": True, "zone": "Asia/Tokyo"},
                    "paging": {"style": "page", "param": "p", "first": 0, "size": 50},
                }
            }
        }
        page = owner.get(f"/admin/setup/{crm.pk}/records/").content.decode()
        assert 'value="q=(id:=:{key})"' in page and 'value="Asia/Tokyo"' in page

    def test_what_has_no_label_and_other_kinds_stay(self, owner: Client, crm: Connection) -> None:
        deal = {"list": "/deals", "id": "/no"}
        stored = {"kinds": {"contact": {"list": "/old", "types": {"/amount": "number"}}, "deal": deal}}
        Connection.objects.filter(pk=crm.pk).update(settings={**crm.settings, "definition": json.dumps(stored)})
        owner.post(f"/admin/setup/{crm.pk}/records/?kind=contact", {**ENTERED, "save": "1"})
        assert definition(crm)["kinds"]["deal"] == deal
        assert (
            definition(crm)["kinds"]["contact"]["types"] == {"/amount": "number"}
            and definition(crm)["kinds"]["contact"]["list"] == "/people"
        )

    def test_an_answer_is_shown_and_nothing_is_saved(self, owner: Client, crm: Connection) -> None:
        page = owner.post(f"/admin/setup/{crm.pk}/records/", {**ENTERED, "rows": "/rows", "try": "1"}).content.decode()
        assert 'data-role="rows" data-pointer="/data"' in page and "/rows" in page.partition('role="alert"')[2][:300]
        page = owner.post(f"/admin/setup/{crm.pk}/records/", {**ENTERED, "try": "1"}).content.decode()
        assert 'data-pointer="/phones/0/number"' in page and "<b>陳大文</b>" not in page and "tok-secret-1" not in page
        assert definition(crm) == {}

    @pytest.mark.parametrize(
        ("entered", "name", "said"),
        [
            ({"list": "people"}, "list", "begins with /"),
            ({"paging_style": "cursor"}, "paging_next", "pointer"),
            ({"since_param": "since"}, "since", "modified"),
            ({"item": "/people"}, "item", "{id}"),
            ({"update": "DELETE /people/{id}"}, "update", "PATCH"),
            ({"paging_size": "0"}, "paging_size", ""),
        ],
    )
    def test_a_mistake_is_told_at_its_field(self, owner: Client, crm: Connection, entered: Any, name: str, said: str) -> None:
        page = owner.post(f"/admin/setup/{crm.pk}/records/", {**ENTERED, **entered, "save": "1"}).content.decode()
        part = page.partition(f'for="id_{name}')[2] if name != "since" else page
        assert said in part.partition('role="alert"')[2].partition("</p>")[0] and definition(crm) == {}

    @pytest.mark.parametrize("language", ["ja", "zh-hant", "zh-hans"])
    def test_a_mistake_is_told_in_the_readers_language(self, owner: Client, crm: Connection, language: str) -> None:
        wrong = {"list": "people", "rows": "/a~2", "item": "/people", "paging_style": "cursor", "zone": "Mars"}
        for name, value in wrong.items():
            given = {**ENTERED, name: value, "save": "1"}
            page = owner.post(f"/admin/setup/{crm.pk}/records/", given, headers={"accept-language": language}).content.decode()
            told = page.partition('role="alert">')[2].partition("</p>")[0]
            assert told and not ENGLISH.search(told), name

    def test_an_empty_crm_says_what_to_do(self, owner: Client, crm: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(test_rest_page.ANSWER, "data", [])
        told = "The CRM shows no record yet"
        assert told in owner.post(f"/admin/setup/{crm.pk}/records/", {**ENTERED, "try": "1"}).content.decode()
        answer = owner.post(f"/admin/setup/{crm.pk}/records/", {**ENTERED, "save": "1"})
        assert told in owner.get(answer["Location"]).content.decode()

    @pytest.mark.parametrize("name", EXAMPLES)
    def test_an_example_fills_the_form_and_comes_out_as_it_was(self, owner: Client, crm: Connection, name: str) -> None:
        entry = json.loads(EXAMPLES[name])["kinds"]["contact"]
        page = owner.get(f"/admin/setup/{crm.pk}/records/?example={name}").content.decode()
        assert f'value="{entry["key"]}"' in page and definition(crm) == {}
        shown = RecordsForm.of(entry)
        values = {field: shown[field].value() for field in shown.fields}
        form = RecordsForm({field: value for field, value in values.items() if value is not None and value is not False})
        assert form.is_valid() and form.entry({}) == entry

    def test_a_stored_set_up_that_cannot_be_read_leaves_an_empty_form(self, owner: Client, crm: Connection) -> None:
        Connection.objects.filter(pk=crm.pk).update(settings={**crm.settings, "definition": "[]"})
        assert owner.get(f"/admin/setup/{crm.pk}/records/?kind=planet").status_code == 200
