"""Keys of a connection: replaced, accepted for a day more, grown old, refused, never shown."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors import registry
from connectors.errors import NeedsLogin
from connectors.signatures import sign_hex
from scrm.connections import credentials, probes
from scrm.connections.models import Alert, Connection, ConnectionChange
from scrm.connections.services import (
    account_of,
    by_slug,
    channel_of,
    check_now,
    report_failure,
    save_credentials,
    signing_fields,
    upsert_connection,
)
from scrm.core import clock
from tests.connections.platform import PRIMARY, address

BODY = '{"text": "請問有貨嗎"}'.encode()


def fresh(row: Connection) -> Connection:
    return Connection.objects.get(pk=row.pk)


def open_texts(row: Connection) -> list[tuple[str, str]]:
    return list(Alert.objects.filter(closed_at=None, connection=row).order_by("key").values_list("key", "text"))


def accepts(row: Connection, secret: str) -> bool:
    return channel_of(fresh(row)).verify(BODY, {"x-hub-signature-256": sign_hex(BODY, secret)})


class TestRotation:
    @pytest.fixture
    def rotated(self, taipei: Connection) -> Connection:
        save_credentials(taipei, settings={}, secrets={"app_secret": "autumn"})
        save_credentials(fresh(taipei), settings={}, secrets={"app_secret": "winter"})
        return fresh(taipei)

    def test_old_and_new_are_accepted_for_a_day_and_the_old_one_not_after_it(self, rotated: Connection) -> None:
        assert accepts(rotated, "autumn") and accepts(rotated, "winter")
        clock.advance(timedelta(hours=24) - timedelta(microseconds=1))
        assert accepts(rotated, "autumn") and accepts(rotated, "winter")
        clock.advance(timedelta(microseconds=1))
        assert not accepts(rotated, "autumn")
        assert accepts(rotated, "winter")

    def test_a_snapshot_made_before_the_day_was_over_refuses_the_old_one_after_it(self, rotated: Connection) -> None:
        snapshot = by_slug("taipei")
        assert snapshot is not None
        clock.advance(timedelta(hours=24))
        assert not channel_of(snapshot).verify(BODY, {"x-hub-signature-256": sign_hex(BODY, "autumn")})

    def test_strangers_are_refused_all_the_time(self, rotated: Connection) -> None:
        assert not accepts(rotated, "spring")
        assert not accepts(rotated, "autumn\nwinter")
        assert not accepts(rotated, "")

    def test_the_old_one_leaves_the_database_when_its_day_is_over(self, rotated: Connection) -> None:
        credentials.remind_all()
        assert "autumn" in fresh(rotated).secrets.values()
        clock.advance(timedelta(hours=24))
        credentials.remind_all()
        assert fresh(rotated).secrets == {"access_token": "main key", "standby_access_token": "standby key", "app_secret": "winter"}

    def test_secrets_that_sign_nothing_are_replaced_at_once(self, rotated: Connection) -> None:
        save_credentials(rotated, settings={}, secrets={"access_token": "newer key"})
        assert "main key" not in fresh(rotated).secrets.values()

    @pytest.mark.parametrize("adapter", ["salesforce", "zoho"])
    def test_one_that_logs_in_is_replaced_at_once_whatever_it_is_called(self, db: None, adapter: str) -> None:
        row = upsert_connection(
            "crm", label="CRM", kind="crm", adapter=adapter, secrets={"client_secret": "mistyped", "webhook_token": "autumn"}
        )
        row = save_credentials(row, settings={}, secrets={"client_secret": "right", "webhook_token": "winter"})
        assert account_of(row).secrets["client_secret"] == "right"
        assert account_of(row).secrets["webhook_token"].split() == ["winter", "autumn"]

    @pytest.mark.parametrize("adapter", [*registry.CHANNELS, *registry.CRMS])
    def test_the_secrets_that_an_adapter_takes_several_of_are_those_that_sign(self, adapter: str) -> None:
        path = (registry.CHANNELS | registry.CRMS)[adapter].split(".")
        sources = "".join(file.read_text() for file in Path(*path[:3]).rglob("*.py"))
        taken = set(re.findall(r'split_secrets\((?:self\._)?settings\.get\("(\w+)"\)', sources))
        assert signing_fields(adapter) == taken - {"signing_secret"}, "the bridge's own signs what goes out"

    def test_the_standbys_signature_is_accepted_whichever_is_in_use(self, rotated: Connection) -> None:
        save_credentials(rotated, settings={}, secrets={"standby_app_secret": "of the standby"})
        for endpoint in ("primary", "standby"):
            Connection.objects.filter(pk=rotated.pk).update(endpoint=endpoint)
            assert accepts(rotated, "winter") and accepts(rotated, "of the standby")


class TestAge:
    def test_is_counted_from_the_last_change(self, taipei: Connection) -> None:
        clock.advance(timedelta(days=3))
        row = save_credentials(taipei, settings={}, secrets={"access_token": "newer key"})
        assert row.credentials_changed_at == clock.now()
        clock.advance(timedelta(days=3))
        row = save_credentials(row, settings={"base_url": PRIMARY}, secrets={"access_token": ""})
        assert row.credentials_changed_at == clock.now() - timedelta(days=3)

    def test_is_counted_from_the_beginning_for_a_new_connection(self, db: None) -> None:
        row = upsert_connection("osaka", label="Osaka", kind="channel", adapter="two_doors", secrets={"access_token": "first"})
        assert row.credentials_changed_at == clock.now()

    def test_a_change_is_on_record_by_name_alone(self, taipei: Connection) -> None:
        save_credentials(taipei, settings={}, secrets={"access_token": "newer key"})
        row = ConnectionChange.objects.get(kind="credentials")
        assert (row.after, row.reason) == ("access_token", "renewed")

    @pytest.mark.parametrize(
        ("days", "due"),
        [
            (22, None),
            (23, credentials.ROTATE_SOON),
            (29, credentials.ROTATE_SOON),
            (30, credentials.ROTATE_NOW),
            (90, credentials.ROTATE_NOW),
        ],
    )
    def test_is_told_a_week_before_thirty_days(self, taipei: Connection, days: int, due: credentials.Reminder | None) -> None:
        save_credentials(taipei, settings={}, secrets={"access_token": "newer key"})
        clock.advance(timedelta(days=days))
        assert credentials.reminder_for(fresh(taipei), clock.now()) == due

    def test_opens_one_alert_that_changes_its_words_and_closes_with_new_keys(self, taipei: Connection) -> None:
        save_credentials(taipei, settings={}, secrets={"access_token": "newer key"})
        clock.advance(timedelta(days=25))
        for _ in range(3):
            credentials.remind_all()
        assert open_texts(taipei) == [("renew:taipei", credentials.ROTATE_SOON.text)]
        assert Alert.objects.get().times == 1
        clock.advance(timedelta(days=6))
        credentials.remind_all()
        assert open_texts(taipei) == [("renew:taipei", credentials.ROTATE_NOW.text)]
        save_credentials(fresh(taipei), settings={}, secrets={"access_token": "newest key"})
        assert open_texts(taipei) == []

    def test_an_expiry_is_more_pressing(self, taipei: Connection) -> None:
        taipei.credentials_changed_at = clock.now() - timedelta(days=40)
        taipei.credentials_expire_at = clock.now() + timedelta(days=7)
        assert credentials.reminder_for(taipei, clock.now()) == credentials.EXPIRES_SOON
        clock.advance(timedelta(days=7))
        assert credentials.reminder_for(taipei, clock.now()) == credentials.EXPIRED

    def test_an_expiry_that_has_passed_goes_with_the_keys_it_belonged_to(self, taipei: Connection) -> None:
        Connection.objects.filter(pk=taipei.pk).update(credentials_expire_at=clock.now() - timedelta(hours=1))
        assert save_credentials(fresh(taipei), settings={}, secrets={"access_token": "newer key"}).credentials_expire_at is None

    def test_a_connection_without_keys_has_none(self, taipei: Connection) -> None:
        taipei.secrets = {}
        assert credentials.rotation_due_at(taipei) is None


class TestRefusedKeys:
    def test_stop_the_connection_under_one_alert_until_new_ones_work(self, taipei: Connection) -> None:
        report_failure(taipei, NeedsLogin("expired"))
        address(PRIMARY).error = NeedsLogin("expired")
        assert not check_now(fresh(taipei)).ok
        assert [key for key, _text in open_texts(taipei)] == ["login:taipei"]
        # New keys alone prove nothing; the look that follows them does.
        save_credentials(fresh(taipei), settings={}, secrets={"access_token": "newer key"})
        assert [key for key, _text in open_texts(taipei)] == ["login:taipei"]
        address(PRIMARY).error = None
        assert probes.look_at_due() == 1
        assert (fresh(taipei).state, open_texts(taipei)) == ("active", [])

    def test_that_are_replaced_by_wrong_ones_stop_it_again_under_the_same_alert(self, taipei: Connection) -> None:
        report_failure(taipei, NeedsLogin("expired"))
        address(PRIMARY).error = NeedsLogin("expired")
        save_credentials(fresh(taipei), settings={}, secrets={"access_token": "wrong key"})
        probes.look_at_due()
        assert fresh(taipei).state == "needs_login"
        assert Alert.objects.get(key="login:taipei").times == 2


class TestSecrecy:
    def test_no_alert_no_record_and_no_log_holds_a_key(self, taipei: Connection, caplog: Any) -> None:
        with caplog.at_level("DEBUG"):
            save_credentials(taipei, settings={}, secrets={"access_token": "newer key", "app_secret": "autumn"})
            save_credentials(fresh(taipei), settings={}, secrets={"app_secret": "winter"})
            address(PRIMARY).error = NeedsLogin("expired")
            check_now(fresh(taipei))
        rows = [*Alert.objects.values_list("text", "advice", "key"), *ConnectionChange.objects.values_list("before", "after", "reason")]
        said = " ".join([*(record.getMessage() for record in caplog.records), *(str(row) for row in rows)])
        for secret in ("newer key", "autumn", "winter", "main key", "standby key"):
            assert secret not in said
