"""Zoho: logging in, the account's fields, notices, and what damaged answers do."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from zoho_server import URL, WEBHOOK_TOKEN, StandIn, contact

from connectors import conformance
from connectors.accounts import Settings
from connectors.conformance import Answer
from connectors.contracts import AccessToken, Account, Hint, Link, Write
from connectors.crms.zoho import Zoho
from connectors.crms.zoho.regions import DATA_CENTRES, api_host, data_centre
from connectors.errors import BadSignature, ConnectorError, Misconfigured, NeedsLogin, TryLater, Unreachable
from connectors.tokens import MemoryTokens

HOUR = timedelta(hours=1)


def logins(zoho: StandIn) -> list[Any]:
    return [seen for seen in zoho.server.seen if seen.path == "/accounts/oauth/v2/token"]


def ended(minutes: int = 5) -> AccessToken:
    return AccessToken("1000.old", datetime.now(UTC) - timedelta(minutes=minutes), host="")


class TestLogin:
    def test_request_and_address_from_the_answer(self, zoho: StandIn) -> None:
        zoho.crm().check()
        (seen,) = logins(zoho)
        assert seen.body.decode().split("&") == [
            "grant_type=refresh_token", "client_id=1000.HK", "client_secret=c1ient-secret-hk", "refresh_token=1000.refresh.hk-77",
        ]  # fmt: skip
        assert seen.query == {} and zoho.calls[0].path == "/api/crm/v8/Contacts"

    def test_one_token_serves_all_calls_and_threads(self, zoho: StandIn) -> None:
        crm = zoho.crm()
        threads = [threading.Thread(target=crm.check) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(zoho.calls) == 8 and len(logins(zoho)) == 1

    def test_kept_token_is_used_and_renewed_in_its_last_minute(self, zoho: StandIn) -> None:
        keeper = MemoryTokens()
        zoho.crm(keeper).check()
        zoho.crm(keeper).check()
        assert len(logins(zoho)) == 1
        kept = keeper.current()
        assert kept is not None and kept.expires_at is not None and kept.expires_at - datetime.now(UTC) > timedelta(minutes=59)
        late = MemoryTokens(AccessToken(kept.value, datetime.now(UTC) + timedelta(seconds=30), host=kept.host))
        zoho.crm(late).check()
        assert len(logins(zoho)) == 2

    def test_token_that_ended_early_is_renewed_once_and_the_call_repeated(self, zoho: StandIn) -> None:
        keeper = MemoryTokens(AccessToken("1000.withdrawn", datetime.now(UTC) + HOUR / 2, host=f"{zoho.server.url}/api"))
        assert zoho.crm(keeper).check().ok
        assert len(logins(zoho)) == 1 and len(zoho.calls) == 2

    def test_refused_new_token_asks_for_a_login(self, zoho: StandIn) -> None:
        real = zoho.server.respond

        def refusing(request: Any) -> Answer:
            if request.path.startswith("/api"):
                return Answer(401, b'{"code": "INVALID_TOKEN", "status": "error"}')
            answer: Answer = real(request)
            return answer

        zoho.server.respond = refusing
        keeper = MemoryTokens(AccessToken("1000.withdrawn", datetime.now(UTC) + HOUR / 2, host=f"{zoho.server.url}/api"))
        with pytest.raises(NeedsLogin):
            zoho.crm(keeper).check()
        assert len(logins(zoho)) == 1

    def test_never_ten_tokens_in_ten_minutes(self, zoho: StandIn) -> None:
        """Each call finds its token withdrawn; the keeper's spacing holds whatever the callers do."""
        zoho.knobs(token_ended=1.0)
        keeper = MemoryTokens()
        for _ in range(30):
            with pytest.raises(TryLater, match="moment ago") as caught:
                zoho.crm(keeper).check()
            assert timedelta(0) < caught.value.after <= timedelta(seconds=70)
        assert len(logins(zoho)) == 1

    def test_blocked_log_in_waits(self, zoho: StandIn) -> None:
        zoho.knobs(tokens_in_ten_minutes=0)
        with pytest.raises(TryLater) as caught:
            zoho.crm().check()
        assert (caught.value.scope, caught.value.after) == ("connection", timedelta(minutes=10))

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (Answer(200, b'{"error": "invalid_code"}'), NeedsLogin),
            (Answer(200, b'{"error": "invalid_client"}'), Misconfigured),
            (Answer(400, b'{"error": "Access Denied", "error_description": "You have made too many requests continuously."}'), TryLater),
            (Answer(429), TryLater),
            (Answer(500, b"<html>"), TryLater),
            (Answer(200, b"<html>"), Misconfigured),
            (Answer(404, b"{}"), Misconfigured),
            (Answer(0, broken=True), Unreachable),
            (Answer(200, b'{"access_token": {"a": 1}, "api_domain": "x"}'), NeedsLogin),
        ],
    )
    def test_refusals(self, zoho: StandIn, answer: Answer, error: type[ConnectorError]) -> None:
        zoho.server.always(answer)
        with pytest.raises(error):
            zoho.crm(MemoryTokens(ended())).check()
        assert len(zoho.server.seen) == 1, "a lost answer may have used up one of ten, so it is not asked for again at once"

    def test_rotated_refresh_token_is_used_next(self, zoho: StandIn) -> None:
        zoho.store.login["refresh_token"] = "1000.rotated"
        zoho.crm(MemoryTokens(AccessToken("1000.old", datetime.now(UTC) - HOUR, "1000.rotated"))).check()
        assert "1000.rotated" in logins(zoho)[0].body.decode()

    def test_without_a_keeper_one_process_shares_a_token(self, zoho: StandIn) -> None:
        made = zoho.crm()
        account = Account("zoho", made._settings._values, {})
        Zoho(account).check()
        Zoho(account).check()
        assert len(logins(zoho)) == 1

    def test_missing_setting_is_named(self) -> None:
        with pytest.raises(Misconfigured, match="client_id"):
            Zoho(Account("zoho", {"data_center": "eu"})).check()


class TestDataCentres:
    def _settings(self, **given: str) -> Settings:
        return Settings(Account("zoho", given), Zoho.fields)

    @pytest.mark.parametrize("entered", ["eu", "EU", ".eu", "zoho.eu", "https://accounts.zoho.eu/"])
    def test_as_people_enter_them(self, entered: str) -> None:
        assert data_centre(self._settings(data_center=entered)) == "eu"

    def test_eight_of_them(self) -> None:
        assert set(DATA_CENTRES) == {"com", "eu", "in", "com.cn", "com.au", "jp", "sa", "ca"}
        assert {data_centre(self._settings(data_center=each)) for each in DATA_CENTRES} == set(DATA_CENTRES)

    def test_unknown_one_is_told_with_the_list(self) -> None:
        with pytest.raises(Misconfigured, match=r"com\.au"):
            data_centre(self._settings(data_center="hk"))

    @pytest.mark.parametrize(
        ("named", "host"),
        [
            ("https://www.zohoapis.jp", "https://www.zohoapis.jp"),
            ("www.zohoapis.com.cn", "https://www.zohoapis.com.cn"),
            ("https://sandbox.zohoapis.eu/", "https://sandbox.zohoapis.eu"),
            ("", "https://www.zohoapis.in"),
        ],
    )
    def test_address_from_the_answer(self, named: str, host: str) -> None:
        assert api_host(self._settings(data_center="in"), named) == host

    @pytest.mark.parametrize(
        "named", ["https://zohoapis.evil.example", "https://evil.example/zohoapis.com", "http://www.zohoapis.com", "https://xzohoapis.com"]
    )
    def test_token_is_sent_to_no_stranger(self, named: str) -> None:
        with pytest.raises(Misconfigured):
            api_host(self._settings(data_center="in"), named)


class TestCheck:
    def test_tells_credits_and_the_difference_of_clocks(self, zoho: StandIn) -> None:
        zoho.knobs(credits=50_000)
        health = zoho.crm().check()
        assert health.ok and health.facts["credits_left"] == "49999" and abs(health.facts["clock_offset_seconds"]) <= 1
        assert json.loads(json.dumps(dict(health.facts)))["data_center"] == "jp"
        zoho.now = datetime.now(UTC) + timedelta(minutes=4)
        assert "240 s" in zoho.crm().check().detail or "239 s" in zoho.crm().check().detail


class TestSchema:
    def test_prepare_creates_what_is_missing(self, zoho: StandIn) -> None:
        zoho.crm().prepare()
        made = {module: {each["field_label"]: each for each in fields} for module, fields in zoho.store.fields.items()}
        assert set(made) == {"Contacts", "Deals", "Cases", "Sales_Orders", "Products"}
        assert all(fields["Scrm ID"]["unique"] == {"casesensitive": False} for fields in made.values())
        assert made["Contacts"]["Scrm Last Message At"]["data_type"] == "datetime" and set(made["Deals"]) == {"Scrm ID"}
        assert [each["actual_value"] for each in made["Contacts"]["Scrm Priority"]["pick_list_values"]] == ["high", "normal", "low"]

    def test_modules_that_the_edition_lacks_are_left_out(self, zoho: StandIn) -> None:
        zoho.knobs(missing_modules=["Cases", "Sales_Orders"])
        crm = zoho.crm()
        crm.prepare()
        assert [each.kind for each in crm.describe()] == ["contact", "deal", "communication", "product"]

    def test_missing_people_are_told(self, zoho: StandIn) -> None:
        zoho.knobs(missing_modules=["Leads"])
        with pytest.raises(Misconfigured):
            zoho.crm(contact_module="Leads").prepare()
        with pytest.raises(Misconfigured, match="contact_module"):
            zoho.crm(contact_module="Accounts").prepare()

    def test_forbidden_to_add_says_what_to_create(self, zoho: StandIn) -> None:
        zoho.knobs(forbid_fields=True)
        with pytest.raises(Misconfigured, match="Single Line field with 'Do not allow duplicate values' named 'Scrm ID'"):
            zoho.crm().prepare()

    def test_field_that_a_person_made_is_taken(self, zoho: StandIn) -> None:
        for label in ("Scrm ID", "Scrm Last Message At", "Scrm Priority"):
            zoho.store.add_field("Contacts", {"field_label": label, "data_type": "text", "unique": {}})
        zoho.knobs(forbid_fields=True, missing_modules=["Deals", "Cases", "Sales_Orders", "Products"])
        crm = zoho.crm()
        crm.prepare()
        assert crm.apply([contact(1)])[0].status == "created"

    def test_field_that_is_not_unique_is_refused(self, zoho: StandIn) -> None:
        zoho.store.add_field("Contacts", {"field_label": "Scrm ID", "data_type": "text"})
        with pytest.raises(Misconfigured, match="not unique"):
            zoho.crm().prepare()

    def test_another_worker_was_first(self, zoho: StandIn) -> None:
        real = zoho.server.respond

        def racing(request: Any) -> Answer:
            if request.method == "POST" and request.path.endswith("/fields"):
                real(request)
            answer: Answer = real(request)
            return answer

        zoho.server.respond = racing
        zoho.crm().prepare()

    def test_writing_without_the_field_says_what_to_create(self, zoho: StandIn) -> None:
        with pytest.raises(Misconfigured, match="Scrm_ID"):
            zoho.crm().apply([contact(1)])

    def test_description(self, zoho: StandIn) -> None:
        crm = zoho.crm()
        crm.prepare()
        person = crm.describe()[0]
        fields = {each.name: each for each in person.fields}
        assert fields["Scrm_ID"].unique and not fields["Full_Name"].writable and fields["Lead_Source"].choices[0] == "Advertisement"

    def test_fields_are_read_once(self, zoho: StandIn) -> None:
        crm = zoho.crm()
        crm.prepare()
        zoho.server.seen.clear()
        for number in range(3):
            crm.apply([contact(number)])
        assert not [seen for seen in zoho.calls if seen.path.endswith("/fields")]


class TestNotices:
    def test_subscription_and_its_renewal(self, zoho: StandIn) -> None:
        crm = zoho.crm()
        first = crm.subscribe(URL, WEBHOOK_TOKEN)
        second = crm.subscribe(URL, "another-token-0123456789")
        (channel,) = zoho.store.channels()
        assert first.external_id == second.external_id == channel.channel_id and channel.token == "another-token-0123456789"
        assert channel.events == [f"{module}.all" for module in ("Contacts", "Deals", "Cases", "Sales_Orders", "Products")]
        assert first.ends_at is not None and timedelta(days=6) < first.ends_at - datetime.now(UTC) < timedelta(days=7)
        asked = [seen.json["watch"][0] for seen in zoho.calls if seen.path.endswith("/watch")]
        assert all(each["notify_on_related_action"] is False and each["notify_url"] == URL for each in asked)

    def test_life_that_zoho_cut_is_told(self, zoho: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("connectors.crms.zoho.watching.LIFE", timedelta(days=8))
        ends_at = zoho.crm().subscribe(URL, WEBHOOK_TOKEN).ends_at
        assert ends_at is not None and ends_at - datetime.now(UTC) <= HOUR

    def test_ending_twice_is_no_error(self, zoho: StandIn) -> None:
        crm = zoho.crm()
        external_id = crm.subscribe(URL, WEBHOOK_TOKEN).external_id
        crm.unsubscribe(external_id)
        crm.unsubscribe(external_id)
        assert zoho.store.channels() == []

    @pytest.mark.parametrize("token", ["", "short", "x" * 51])
    def test_token_that_zoho_would_not_carry_is_refused(self, zoho: StandIn, token: str) -> None:
        with pytest.raises(Misconfigured, match="16 to 50"):
            zoho.crm().subscribe(URL, token)

    def test_notice_of_a_write_names_the_record(self, zoho: StandIn) -> None:
        crm = zoho.crm()
        crm.prepare()
        crm.subscribe(URL, WEBHOOK_TOKEN)
        (made,) = crm.apply([contact(1)])
        ((address, notice),) = zoho.store.notices
        assert address == URL and crm.hints(json.dumps(notice).encode(), {}, URL) == [Hint("contact", made.id, "insert")]

    def _notice(self, **parts: Any) -> bytes:
        return json.dumps({"module": "Deals", "ids": ["7", 8, "7", None], "operation": "update", "token": WEBHOOK_TOKEN, **parts}).encode()

    def test_each_record_once_and_other_modules_not(self, zoho: StandIn) -> None:
        crm = zoho.crm()
        assert crm.hints(self._notice(), {}, URL) == [Hint("deal", "7", "update"), Hint("deal", "8", "update")]
        assert crm.hints(self._notice(module="Vendors"), {}, URL) == []
        assert crm.hints(self._notice(ids={"a": 1}), {}, URL) == []

    @pytest.mark.parametrize("token", ["", "x", WEBHOOK_TOKEN[:-1], WEBHOOK_TOKEN + "0", None, True, [], {"a": WEBHOOK_TOKEN}, 7])
    def test_strangers_are_refused(self, zoho: StandIn, token: Any) -> None:
        with pytest.raises(BadSignature):
            zoho.crm().hints(self._notice(token=token), {}, URL)

    def test_without_a_token_of_ours_nobody_is_believed(self) -> None:
        with pytest.raises(BadSignature):
            Zoho(Account("zoho")).hints(self._notice(token=""), {}, URL)

    @pytest.mark.parametrize("body", conformance.GARBAGE)
    def test_garbage_is_refused(self, zoho: StandIn, body: bytes) -> None:
        with pytest.raises(BadSignature):
            zoho.crm().hints(body, {}, URL)


class TestDamage:
    """Whatever comes back: an error of the tree or a sound answer, never another exception."""

    ANSWERS = [
        {"data": [{"code": "SUCCESS", "action": "insert", "details": {"id": "1", "Modified_Time": "2026-11-22T17:00:00+08:00"}}]},
        {"data": [{"code": "DUPLICATE_DATA", "details": {"api_name": "Email", "duplicate_record": {"id": "9", "module": {}}}}]},
        {"data": [{"code": "MANDATORY_NOT_FOUND", "details": {"api_name": "Last_Name"}}, {"code": "ALREADY_MODIFIED", "details": {}}]},
        {"data": [{"id": "1", "Modified_Time": "2026-11-22T17:00:00+08:00", "Tag": [{"name": "VIP"}], "Owner": {"id": "2"}}],
         "info": {"more_records": True, "page": 1, "next_page_token": "t"}},
        {"data": [{"id": "1", "deleted_time": "2026-11-22T17:00:00+08:00", "type": "recycle"}], "info": {"more_records": False}},
        {"fields": [{"api_name": "Scrm_ID", "data_type": "text", "unique": {"casesensitive": "false"}, "pick_list_values": []}]},
        {"watch": [{"code": "SUCCESS", "details": {"events": [{"channel_expiry": "2026-11-22T17:00:00+08:00"}]}}]},
        {"code": "OAUTH_SCOPE_MISMATCH", "status": "error", "message": "x", "details": {"permissions": ["a"]}},
        {"access_token": "1000.a", "api_domain": "http://127.0.0.1:9", "expires_in": 3600, "refresh_token": "b"},
    ]  # fmt: skip

    @pytest.mark.parametrize("part", range(4))
    def test_damaged_answers(self, zoho: StandIn, part: int) -> None:
        bodies = [json.dumps(each).encode() for each in self.ANSWERS]
        damaged = [*conformance.damaged(bodies, 40, seed=part), *(conformance.GARBAGE if part == 0 else ())]
        statuses = [200, 201, 202, 207, 400, 401, 403, 404, 412, 429, 500]
        crm = zoho.crm()
        crm.prepare()
        crm.check()
        real = zoho.server.respond
        known = Write("contact", "k", {"Last_Name": "陳", "Tag": ["VIP"]}, id="1", if_version="2026-11-22T09:00:00+00:00")
        note = Write("communication", "1:2026-11-22", {"Note_Content": "x"}, links=(Link("contact", "1"),))
        calls = [
            lambda: crm.apply([contact(1, Tag=["VIP"]), known, note]),
            lambda: crm.changes("contact", {}, 10),
            lambda: crm.changes("communication", {"since": 1}, 10),
            lambda: crm.removals("contact", {}, set()),
            lambda: crm.read("deal", ["1"]),
            crm.describe,
            crm.prepare,
            crm.check,
            lambda: crm.subscribe(URL, WEBHOOK_TOKEN),
            lambda: crm.unsubscribe("1"),
        ]
        outside = 0
        for number, body in enumerate(damaged):
            zoho.server.always(Answer(statuses[(number + part) % len(statuses)] if number % 3 else 200, body))
            try:
                calls[number % len(calls)]()
            except ConnectorError:
                outside += 1
            zoho.server.respond = real
        assert outside > 10

    def test_damaged_log_in(self, zoho: StandIn) -> None:
        body = json.dumps(self.ANSWERS[-1]).encode()
        for number, damaged in enumerate(conformance.damaged([body], 60, seed=5)):
            zoho.server.always(Answer([200, 400, 500][number % 3], damaged))
            with pytest.raises(ConnectorError):
                zoho.crm(api_version="v8").check()
