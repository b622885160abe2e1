"""The keys of a connection: changed, remembered for a day, grown old, expired, refused.

* A secret that signs webhooks is accepted for 24 hours after it was replaced, because the platform changes over at its own moment.
* Keys are to be renewed every 30 days, and a week before that (and before an expiry that was entered) an alert says so.
* Keys that the platform refuses stop the connection (breaker.py) and open one alert; it closes when a call with new ones succeeds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_noop

from scrm.connections.alerts import close_alert, open_alerts, raise_alert
from scrm.connections.endpoints import PREVIOUS, STANDBY, UNTIL
from scrm.connections.models import Alert, Connection
from scrm.core import clock

ROTATE_EVERY = timedelta(days=30)
WARN_AHEAD = timedelta(days=7)
PREVIOUS_ACCEPTED = timedelta(hours=24)

NEW_KEYS = gettext_noop("Enter new credentials on the connection's page and press 'Save and check'.")
NEEDS_PERSON = {
    Connection.State.NEEDS_LOGIN: (
        "login",
        gettext_noop("The platform refuses the credentials. Nothing is sent or read; what waits is kept and goes out once new ones work."),
        NEW_KEYS,
    ),
    Connection.State.MISCONFIGURED: (
        "settings",
        gettext_noop("A setting is wrong. Nothing is sent or read; what waits is kept and goes out once it is right."),
        gettext_noop("Read the reason on the connection's page, correct the setting and press 'Save and check'."),
    ),
}


@dataclass(frozen=True, slots=True)
class Reminder:
    """What to tell about a connection's keys, and how loudly."""

    text: str
    level: str = Alert.Level.WARNING


ROTATE_SOON = Reminder(gettext_noop("The credentials are due for renewal within a week."))
ROTATE_NOW = Reminder(gettext_noop("The credentials are older than 30 days."))
EXPIRES_SOON = Reminder(gettext_noop("The credentials expire within a week."))
EXPIRED = Reminder(gettext_noop("The credentials have expired."), Alert.Level.ERROR)


def alert_needs_person(connection: Connection, state: str) -> None:
    """Open the alert that belongs to a state which only a person can end; other states open none."""
    if state in NEEDS_PERSON:
        key, text, advice = NEEDS_PERSON[Connection.State(state)]
        raise_alert(f"{key}:{connection.slug}", text=text, advice=advice, level=Alert.Level.ERROR, connection=connection)


def credentials_work(connection: Connection) -> None:
    """A call with the present keys succeeded."""
    for key in ("login", "settings"):
        close_alert(f"{key}:{connection.slug}")


def with_previous(before: Mapping[str, str], after: Mapping[str, str], now: datetime, signing: Collection[str]) -> dict[str, str]:
    """The new secrets, and beside them for a day those that they replace and that webhooks may still be signed with (`signing`)."""
    kept = dict(after)
    for name in after:
        if name.removeprefix(STANDBY) in signing and before.get(name) and before[name] != after[name]:
            kept[PREVIOUS + name] = before[name]
            kept[PREVIOUS + name + UNTIL] = (now + PREVIOUS_ACCEPTED).isoformat()
    return kept


def without_outdated(secrets: Mapping[str, str], now: datetime) -> dict[str, str]:
    """The secrets without the previous ones whose day is over."""
    over = [
        name.removesuffix(UNTIL)
        for name, until in secrets.items()
        if name.startswith(PREVIOUS) and name.endswith(UNTIL) and datetime.fromisoformat(until) <= now
    ]
    gone = {*over, *(name + UNTIL for name in over)}
    return {name: value for name, value in secrets.items() if name not in gone}


def rotation_due_at(connection: Connection) -> datetime | None:
    """When the keys are to be renewed; None for a connection without any."""
    return (connection.credentials_changed_at or connection.created_at) + ROTATE_EVERY if connection.secrets else None


def reminder_for(connection: Connection, now: datetime) -> Reminder | None:
    """The most pressing thing to say about the age of the keys, or None."""
    expire, rotate = connection.credentials_expire_at, rotation_due_at(connection)
    if rotate is None:
        return None
    if expire is not None and expire <= now + WARN_AHEAD:
        return EXPIRED if expire <= now else EXPIRES_SOON
    if rotate <= now + WARN_AHEAD:
        return ROTATE_NOW if rotate <= now else ROTATE_SOON
    return None


def remind_all() -> None:
    """Open, reword or close each connection's reminder, and drop previous secrets whose day is over. Safe to repeat."""
    now = clock.now()
    for row in Connection.objects.order_by("pk"):
        remind(row, now)
        _drop_outdated(row, now)


def remind(row: Connection, now: datetime) -> None:
    key, due = f"renew:{row.slug}", reminder_for(row, now)
    told = open_alerts().filter(key=key).values_list("text", flat=True).first()
    if due is None and told is not None:
        close_alert(key)
    elif due is not None and due.text != told:
        raise_alert(key, text=due.text, advice=NEW_KEYS, level=due.level, connection=row)


def _drop_outdated(row: Connection, now: datetime) -> None:
    if without_outdated(row.secrets or {}, now) == (row.secrets or {}):
        return
    with transaction.atomic():
        # Read again under its lock: somebody may have saved other secrets since.
        fresh = Connection.objects.select_for_update().get(pk=row.pk)
        fresh.secrets = without_outdated(fresh.secrets or {}, now)
        fresh.save(update_fields=["secrets"])
