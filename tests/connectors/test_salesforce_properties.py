"""Salesforce: literals that no text can break out of, versions, pages of any size, and answers damaged in every way."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.conformance import Answer
from connectors.conformance.damage import GARBAGE, damaged
from connectors.contracts import Change, Write
from connectors.crms.salesforce import Salesforce, soql, values, windows, writing
from connectors.errors import ConnectorError
from scrm.sandbox.salesforce import soql as their_soql
from scrm.sandbox.salesforce.api import SalesforceApi
from scrm.sandbox.salesforce.store import MemoryStore, full_id, id_of, number_of
from scrm.sandbox.salesforce.wire import Ask, Refusal
from tests.connectors.salesforce_server import StandIn, contact

TEXTS = st.text(max_size=60)
STAMPS = st.datetimes(datetime(2026, 11, 1), datetime(2026, 11, 1, 0, 0, 4)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC))


class TestLiterals:
    @given(TEXTS)
    @example("' OR Name != '")
    @example("\\' OR 'a' = 'a")
    @example('back\\slash\nline\r\ttab\b\f"quote')
    def test_a_text_comes_back_as_it_was_and_is_all_that_is_compared(self, value: str) -> None:
        query = their_soql.parse(soql.select(["Id"], "Contact", [f"Scrm_Id__c = {soql.text(value)}", "IsDeleted = false"]))
        wanted = value.replace("\0", "")
        assert query.used == ("Scrm_Id__c", "IsDeleted")
        assert query.holds({"Scrm_Id__c": wanted, "IsDeleted": False})
        assert not query.holds({"Scrm_Id__c": wanted + "x", "IsDeleted": False})
        assert not query.holds({"Scrm_Id__c": wanted, "IsDeleted": True})

    @given(st.lists(TEXTS, max_size=8))
    def test_a_list_holds_its_texts_only(self, texts: list[str]) -> None:
        query = their_soql.parse(soql.select(["Id"], "Contact", [f"Scrm_Id__c IN {soql.texts(texts)}"]))
        assert all(query.holds({"Scrm_Id__c": text.replace("\0", "")}) for text in texts)
        assert not query.holds({"Scrm_Id__c": "something else entirely, longer than any of them could be in this test"})

    @given(st.text(max_size=40))
    @example("Id FROM Contact--")
    @example("Name\n")
    def test_a_name_is_a_name_or_nothing(self, name: str) -> None:
        try:
            assert soql.name(name) == name
        except ValueError:
            return
        assert all(char.isascii() and (char.isalnum() or char in "_.") for char in name)

    @given(st.text(max_size=80))
    def test_the_stand_in_refuses_what_is_no_query(self, text: str) -> None:
        try:
            their_soql.parse(text)
        except Refusal as refusal:
            assert refusal.code == "MALFORMED_QUERY"

    @given(st.integers(0, 62**9 - 1))
    def test_ids_have_a_checksum_of_their_cases(self, number: int) -> None:
        made = id_of("Contact", number)
        assert soql.is_id(made) and number_of(made) == number and full_id(made[:15]) == made


class TestVersions:
    @given(st.dictionaries(st.sampled_from(["A", "B", "C"]), st.one_of(st.none(), TEXTS, st.booleans(), st.floats(allow_nan=False))))
    def test_change_with_what_people_can_write_and_nothing_else(self, fields: dict[str, Any]) -> None:
        record = {"SystemModstamp": "2026-11-29T09:00:00.000+0000", **fields}
        version = values.version_of(record, {"A", "B"})
        assert values.version_of({**record, "C": "viewed", "LastViewedDate": "later"}, {"A", "B"}) == version
        assert values.version_of({**record, "A": "edited for sure"}, {"A", "B"}) != version or fields.get("A") == "edited for sure"
        later = values.version_of({**record, "SystemModstamp": "2026-11-29T09:00:01.000+0000"}, {"A", "B"})
        assert later != version and values.content_of(later) == values.content_of(version)


class TestPages:
    @settings(max_examples=25)
    @given(st.lists(STAMPS, max_size=40), st.integers(1, 12))
    def test_of_any_size_over_any_stamps_give_each_record_once(self, stamps: list[datetime], size: int) -> None:
        store = MemoryStore()
        store.open_session("session", datetime(2100, 1, 1, tzinfo=UTC))
        api = SalesforceApi(store, "https://acme.my.salesforce.com", lambda: datetime.now(UTC), random.Random(1))
        made = {store.add("Contact", {"LastName": "陳"}, at, "005").id for at in stamps}
        found: list[str] = []
        window = {"from": "", "to": "2026-11-02T00:00:00Z"}
        for _ in range(len(stamps) + 2):
            query = soql.select(["Id", windows.STAMP], "Contact", windows.conditions(window), order=[windows.STAMP, "Id"], limit=size)
            answer = api.handle(Ask("GET", "/services/data/v67.0/query", {"q": query}, {"authorization": "Bearer session"}))
            rows = windows.answering(answer.body["records"], window)
            found += [row["Id"] for row in rows]
            if len(rows) < size:
                break
            window = json.loads(json.dumps(windows.behind(window, rows[-1])))
        assert len(found) == len(set(found)) and set(found) == made


def _bodies(loopback: Any) -> list[bytes]:
    """Good answers of every kind, to be damaged."""
    org = StandIn(loopback)
    said: list[bytes] = []

    def respond(request: Any) -> Answer:
        answer = org(request)
        said.append(answer.body)
        return answer

    loopback.respond = respond
    crm = org.prepared()
    org.add("Contact", LastName="陳", Phone="+85291230002")
    org.knobs(duplicate_rule="block")
    for call in _calls():
        call(crm)
    return [body for body in dict.fromkeys(said) if body]


def _calls() -> list[Any]:
    return [
        lambda crm: crm.check(),
        lambda crm: crm.apply([contact(1), contact(2), Write("deal", "d", {"Name": "單"})]),
        lambda crm: crm.apply([Write("contact", "1", {"Title": "x"}, id="0035g0AAAAAAAQJAAA", if_version="a~b")]),
        lambda crm: crm.changes("contact", {}, 10),
        lambda crm: crm.removals("contact", {"from": "2026-11-28T00:00:00Z", "to": "2026-11-29T00:00:00Z", "move": 0}, ()),
        lambda crm: crm.removals("contact", {}, ()),
        lambda crm: crm.read("contact", ["0035g0AAAAAAAQJAAA"]),
    ]


class TestDamagedAnswers:
    def test_of_any_kind_end_in_our_errors_or_in_outcomes(self, loopback: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(writing, "LOCK_WAITS", ())
        bodies = _bodies(loopback)
        chance = random.Random(20261129)
        rubbish = [*GARBAGE, *damaged(bodies, 160)]
        for number, body in enumerate(rubbish):
            status = chance.choice([200, 200, 200, 201, 300, 400, 401, 403, 404, 412, 500, 503])
            crm = _served(loopback, body, status, after=chance.randint(0, 4))
            call = chance.choice(_calls())
            try:
                got = call(crm)
            except ConnectorError:
                continue
            finally:
                crm.close()
            assert got is not None, number
            for each in getattr(got, "items", got if isinstance(got, list) else []):
                assert not isinstance(each, Change) or json.dumps(each.fields)


def _served(loopback: Any, body: bytes, status: int, after: int) -> Salesforce:
    """An adapter that gets `after` good answers, then the damaged one for ever."""
    org = StandIn(loopback)
    crm = org.prepared()
    left = [after]

    def respond(request: Any) -> Answer:
        left[0] -= 1
        return org(request) if left[0] >= 0 else Answer(status, body)

    loopback.respond = respond
    return crm
