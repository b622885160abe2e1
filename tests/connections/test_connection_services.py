from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from connectors.errors import Misconfigured, NeedsLogin, Unreachable
from scrm.connections import snapshots
from scrm.connections.models import Connection
from scrm.connections.services import (
    account_of,
    adapters,
    by_slug,
    channel_of,
    check_now,
    config_fields,
    crm_of,
    explain_error,
    is_callable_now,
    pause,
    remember_facts,
    report_failure,
    save_credentials,
    upsert_connection,
)
from tests.sync.fake_crm import FarSide


class TestAdapters:
    def test_are_made_once_for_the_same_settings(self, crm: Connection) -> None:
        assert crm_of(crm) is crm_of(Connection.objects.get(pk=crm.pk))

    def test_are_made_anew_for_new_secrets(self, crm: Connection) -> None:
        old = crm_of(crm)
        crm.secrets = {"token": "new"}
        assert crm_of(crm) is not old

    def test_threads_share_one(self, crm: Connection) -> None:
        found: list[Any] = []
        threads = [threading.Thread(target=lambda: found.append(crm_of(crm))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert len({id(adapter) for adapter in found}) == 1

    def test_take_texts_only_and_hide_the_secrets(self) -> None:
        row = Connection(slug="hk", settings={"port": 8001, "none": None}, secrets={"token": "very secret"})
        account = account_of(row)
        assert dict(account.settings) == {"port": "8001"}
        assert "very secret" not in repr(account)

    def test_an_unknown_adapter_is_said_aloud(self, crm: Connection) -> None:
        crm.adapter = "fax"
        with pytest.raises(Misconfigured, match="no connector 'fax'"):
            crm_of(crm)

    def test_are_listed_with_their_fields(self) -> None:
        assert "whatsapp_cloud" in adapters("channel")
        assert "hubspot" in adapters("crm")
        assert any(field.secret for field in config_fields("whatsapp_cloud"))

    def test_a_channel_is_found_through_its_snapshot_too(self, db: None) -> None:
        secrets = {"access_token": "t", "app_secret": "s", "verify_token": "v"}
        row = upsert_connection(
            "hk", label="HK", kind="channel", adapter="whatsapp_cloud", account_id="1", settings={"phone_number_id": "1"}, secrets=secrets
        )
        snapshot = by_slug("hk")
        assert snapshot is not None
        assert channel_of(snapshot) is channel_of(row)


class TestExplainError:
    @pytest.mark.parametrize("code", ["131026", "131047", "510"])
    def test_speaks_the_platforms_codes(self, code: str) -> None:
        sentence, advice = explain_error(Connection(adapter="whatsapp_cloud"), code)
        assert sentence
        assert advice

    def test_a_code_that_is_no_number_is_passed_on(self) -> None:
        assert "ReadTimeout" in explain_error(Connection(adapter="whatsapp_cloud"), "ReadTimeout")[0]

    @pytest.mark.parametrize("adapter", ["hubspot", "whatsapp_cloud", "fax", ""])
    def test_never_fails(self, adapter: str) -> None:
        assert all(explain_error(Connection(adapter=adapter), ""))


class TestSnapshots:
    def test_are_kept_for_five_seconds(self, crm: Connection, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(snapshots.time, "monotonic", lambda: 100.0)
        assert by_slug("crm") is not None
        monkeypatch.setattr(snapshots.time, "monotonic", lambda: 104.9)
        with django_assert_num_queries(0):
            assert by_slug("crm") is not None
        monkeypatch.setattr(snapshots.time, "monotonic", lambda: 105.1)
        with django_assert_num_queries(1):
            assert by_slug("crm") is not None

    def test_saving_the_connection_shows_at_once(self, crm: Connection) -> None:
        by_slug("crm")
        crm.account_id = "106540352242922"
        crm.save()
        snapshot = by_slug("crm")
        assert snapshot is not None
        assert snapshot.account_id == "106540352242922"

    def test_an_unknown_slug_is_not_remembered(self, db: None) -> None:
        assert by_slug("guess") is None
        Connection.objects.bulk_create([Connection(slug="guess", label="x", kind="crm", adapter="fake")])
        assert by_slug("guess") is not None

    def test_cannot_be_changed_and_hides_secrets(self, crm: Connection) -> None:
        snapshot = by_slug("crm")
        assert snapshot is not None
        with pytest.raises(AttributeError):
            snapshot.slug = "other"  # type: ignore[misc]
        assert "'t'" not in repr(snapshot)


class TestCheckNow:
    def test_a_good_answer_ends_what_needed_a_person(self, crm: Connection) -> None:
        report_failure(crm, NeedsLogin("expired"))
        assert check_now(crm).ok
        row = Connection.objects.get(pk=crm.pk)
        assert (row.state, row.facts) == ("active", {"plan": "test"})

    def test_a_failure_is_an_answer_and_on_record(self, crm: Connection, far: FarSide) -> None:
        far.down = NeedsLogin("The token was withdrawn", code="401")
        health = check_now(crm)
        assert (health.ok, health.detail) == (False, "401: The token was withdrawn")
        assert Connection.objects.get(pk=crm.pk).state == "needs_login"

    def test_a_missing_setting_is_an_answer(self, db: None) -> None:
        row = upsert_connection("hk", label="HK", kind="channel", adapter="whatsapp_cloud")
        assert not check_now(row).ok

    def test_a_pause_stays(self, crm: Connection) -> None:
        pause(crm, by="mei")
        assert check_now(crm).ok
        assert not is_callable_now(crm)

    def test_facts_are_added_to(self, crm: Connection) -> None:
        remember_facts(crm, {"quality": "GREEN", "tier": "2000"})
        remember_facts(crm, {"tier": "10000", "quality": None})
        assert Connection.objects.get(pk=crm.pk).facts == {"tier": "10000"}


class TestUpsertConnection:
    def test_the_same_twice_changes_nothing(self, db: None, django_assert_max_num_queries: Any) -> None:
        values: dict[str, Any] = {"label": "HK", "kind": "crm", "adapter": "fake", "secrets": {"token": "t"}}
        first = upsert_connection("seed", **values)
        with django_assert_max_num_queries(3):
            second = upsert_connection("seed", **values)
        assert first.pk == second.pk

    def test_new_secrets_end_needs_login_and_other_changes_do_not(self, crm: Connection) -> None:
        report_failure(crm, NeedsLogin("expired"))
        assert upsert_connection("crm", label="Our CRM").state == "needs_login"
        assert upsert_connection("crm", secrets={"token": "new"}).state == "active"

    def test_nonsense_is_refused(self, db: None) -> None:
        with pytest.raises(ValidationError):
            upsert_connection("seed", label="HK", kind="crm", adapter="fake", time_zone="Mars/Olympus")

    def test_an_empty_secret_of_a_form_keeps_the_stored_one(self, crm: Connection) -> None:
        row = save_credentials(crm, settings={"base_url": "https://crm.example"}, secrets={"token": ""})
        assert row.secrets == {"token": "t"}
        assert row.settings == {"base_url": "https://crm.example"}

    def test_secrets_are_unreadable_in_the_database(self, crm: Connection) -> None:
        from django.db import connection as database

        with database.cursor() as cursor:
            cursor.execute("SELECT secrets FROM connections_connection")
            assert "token" not in cursor.fetchone()[0]

    def test_new_credentials_close_the_breaker(self, crm: Connection) -> None:
        for _ in range(5):
            report_failure(crm, Unreachable("wrong address"))
        upsert_connection("crm", settings={"base_url": "https://right.example"})
        assert is_callable_now(crm)
