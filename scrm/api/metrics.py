"""The product's figures in Prometheus' text format (version 0.0.4), read from the database when asked.

Counts are taken from sums and from partial indexes; nothing here counts all messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Count

from scrm.api.health import backup_age, heartbeat_age, oldest_body_age
from scrm.connections.models import Connection
from scrm.conversations.models import Message
from scrm.intake import ledger, spool
from scrm.sync.models import Push

# The states that an index covers: what is under way, and what a person must look at.
WATCHED_STATES = ("queued", "claimed", "sending", "failed", "blocked", "unknown")


@dataclass(frozen=True, slots=True)
class Sample:
    value: float
    labels: dict[str, str] = field(default_factory=dict)


def render() -> str:
    return "".join(
        [
            *_family("scrm_ledger_items", "gauge", "Received items by connection and what became of them.", _ledger()),
            *_family("scrm_outbox_messages", "gauge", "Outgoing messages under way or to be looked at, by state.", _outbox()),
            *_family("scrm_crm_pushes", "gauge", "CRM writes that are due or given up, by state.", _pushes()),
            *_family("scrm_connections", "gauge", "Connections by state.", _connections()),
            *_family("scrm_worker_heartbeat_age_seconds", "gauge", "Since the last sign of life of any worker.", _seconds(heartbeat_age())),
            *_family("scrm_backup_age_seconds", "gauge", "Since the moment that the last verified backup holds.", _seconds(backup_age())),
            *_family(
                "scrm_inbound_oldest_waiting_seconds", "gauge", "How long the oldest received body has waited.", _seconds(oldest_body_age())
            ),
            *_family(
                "scrm_spool_bytes", "gauge", "Bytes of received bodies that wait on disk for the database.", [Sample(spool.state().bytes)]
            ),
            *_family("scrm_spool_files", "gauge", "Received bodies that wait on disk for the database.", [Sample(spool.state().files)]),
        ]
    )


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
    for sample in samples:
        labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in sample.labels.items())
        yield f"{name}{{{labels}}} {sample.value:.15g}\n" if labels else f"{name} {sample.value:.15g}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _ledger() -> list[Sample]:
    fates = ("received", "processed", "duplicate", "parked", "waiting", "spooled")
    lines = [(line, line.as_dict()) for line in ledger.sums()]
    return [Sample(figures[fate], {"connection": line.connection_slug, "state": fate}) for line, figures in lines for fate in fates]


def _outbox() -> list[Sample]:
    rows = Message.objects.filter(state__in=WATCHED_STATES).order_by().values_list("state").annotate(number=Count("pk"))
    found = dict(rows)
    return [Sample(found.get(state, 0), {"state": state}) for state in WATCHED_STATES]


def _pushes() -> list[Sample]:
    return [Sample(Push.objects.filter(state=state).count(), {"state": state}) for state in (Push.State.DUE, Push.State.DEAD)]


def _connections() -> list[Sample]:
    rows = Connection.objects.order_by().values_list("state").annotate(number=Count("pk"))
    found = dict(rows)
    return [Sample(found.get(state, 0), {"state": state}) for state in Connection.State.values]


def _seconds(age: timedelta | None) -> list[Sample]:
    return [] if age is None else [Sample(age.total_seconds())]
