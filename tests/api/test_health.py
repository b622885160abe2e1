from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from scrm.api import health
from scrm.connections.models import Connection
from scrm.core import clock
from scrm.core.models import Heartbeat
from scrm.intake import spool
from scrm.intake.models import InboundEvent
from tests.api.people import NOON


@pytest.fixture(autouse=True)
def at_noon(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.SPOOL_DIR = tmp_path / "spool"
    settings.SPOOL_LEAST_FREE_BYTES = 0
    monkeypatch.setattr(health._Migrations, "applied", False)
    monkeypatch.setattr(health._Migrations, "asked_at", -health.MIGRATIONS_ASKED_EVERY)
    with clock.frozen(NOON):
        yield


def beat(seconds_ago: float) -> None:
    Heartbeat.objects.create(cluster="host-1", beaten_at=NOON - timedelta(seconds=seconds_ago))


def ready(client: Client) -> tuple[int, dict[str, Any]]:
    answer = client.get("/readyz")
    content = answer.json()
    assert content["ready"] == (answer.status_code == 200)
    return answer.status_code, content["checks"]


class TestHealthz:
    def test_answers_without_the_database(self, client: Client) -> None:
        """No database mark on this test: a query would raise."""
        answer = client.get("/healthz")
        assert (answer.status_code, answer.content) == (200, b"ok")


@pytest.mark.django_db
class TestReadyz:
    def test_is_200_when_all_is_well(self, client: Client) -> None:
        beat(5)
        status, checks = ready(client)
        assert status == 200
        assert set(checks) == {"database", "migrations", "spool", "worker", "inbound", "erasures", "backup"}
        assert all(check["ok"] for check in checks.values())

    @pytest.mark.parametrize(("age", "status"), [(89, 200), (91, 503)])
    def test_wants_a_worker_that_lives(self, client: Client, age: float, status: int) -> None:
        beat(age)
        assert ready(client)[0] == status

    def test_is_503_before_any_worker_reported(self, client: Client) -> None:
        status, checks = ready(client)
        assert (status, checks["worker"]["ok"]) == (503, False)

    def test_is_503_when_the_spool_is_full(self, client: Client, settings: Settings) -> None:
        beat(1)
        assert spool.write(slug="causeway-bay", body=b"{}", headers={}, checked=True)
        settings.SPOOL_LIMIT_BYTES = 10
        status, checks = ready(client)
        assert (status, checks["spool"]["ok"]) == (503, False)

    def test_is_503_when_bodies_wait_too_long(self, client: Client, hong_kong: Connection) -> None:
        beat(1)
        body = InboundEvent.objects.create(connection=hong_kong, body=b"", size=0, received_at=NOON - timedelta(minutes=6))
        status, checks = ready(client)
        assert (status, checks["inbound"]["ok"], "360 s" in checks["inbound"]["why"]) == (503, False, True)
        InboundEvent.objects.filter(pk=body.pk).update(state="done")
        assert ready(client)[0] == 200

    def test_is_503_when_migrations_are_missing(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        beat(1)
        monkeypatch.setattr("scrm.api.health.MigrationExecutor.migration_plan", lambda *_: [("intake", False)])
        status, checks = ready(client)
        assert (status, checks["migrations"]["ok"]) == (503, False)

    def test_tells_of_a_lost_database_without_its_secrets(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def gone() -> tuple[bool, str]:
            raise OperationalError('connection to server at "10.1.2.3", user "scrm" failed: password authentication failed')

        monkeypatch.setattr(health, "_database", gone)
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"]["database"] == {"ok": False, "why": "OperationalError"}
        assert b"10.1.2.3" not in answer.content


@pytest.mark.django_db
class TestMetrics:
    def test_are_counted(self, client: Client, hong_kong: Connection) -> None:
        beat(12)
        InboundEvent.objects.create(connection=hong_kong, body=b"", size=0, received_at=NOON - timedelta(seconds=30))
        answer = client.get("/metrics")
        assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = answer.content.decode().splitlines()
        assert 'scrm_ledger_items{connection="causeway-bay",state="waiting"} 1' in lines
        assert 'scrm_outbox_messages{state="queued"} 0' in lines
        assert 'scrm_crm_pushes{state="dead"} 0' in lines
        assert "scrm_worker_heartbeat_age_seconds 12" in lines
        assert "scrm_inbound_oldest_waiting_seconds 30" in lines
        assert "scrm_spool_bytes 0" in lines

    @pytest.mark.parametrize(
        ("address", "headers", "status"),
        [
            ("127.0.0.1", {}, 200),
            ("::1", {}, 200),
            ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 404),
            ("203.0.113.9", {}, 404),
            ("203.0.113.9", {"Authorization": "Bearer wrong"}, 404),
            ("203.0.113.9", {"Authorization": "Bearer three-otters"}, 200),
            ("", {}, 404),
        ],
    )
    def test_are_for_this_machine_or_the_token(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, address: str, headers: dict[str, str], status: int
    ) -> None:
        monkeypatch.setenv("METRICS_TOKEN", "three-otters")
        assert client.get("/metrics", headers=headers, REMOTE_ADDR=address).status_code == status

    def test_have_no_token_unless_one_is_set(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("METRICS_TOKEN", raising=False)
        answer = client.get("/metrics", headers={"Authorization": "Bearer "}, REMOTE_ADDR="203.0.113.9")
        assert answer.status_code == 404
