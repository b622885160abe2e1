"""What a platform's notice means for our numbers: facts learned, sending stopped or let go again, somebody told.

A notice about an account concerns every number of it that is connected here; one that names a number, that number alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from connectors.contracts import Notice
from connectors.errors import Misconfigured, NeedsLogin
from scrm.connections import breaker
from scrm.connections.alerts import close_alert, raise_alert
from scrm.connections.changes import note_change
from scrm.connections.models import Connection
from scrm.connections.services import remember_facts
from scrm.core.security import storable

# Facts whose every change is on record.
RECORDED = {"quality": "quality", "messaging_limit": "tier", "throughput": "speed"}
# Effects of which the latest counts, in whatever order they come.
DECISIVE = frozenset({"stopped", "unplugged", "restored"})
# Who stopped a connection, as its reason begins; only such a stop is ended by the platform's word.
PLATFORM = "platform"


def concerned(connection: Connection, notice: Notice) -> list[Connection]:
    """The connected numbers that a notice is about, the one it was posted to first. Empty when it names a number that is not connected."""
    account = _numbers_of_account(connection, str(notice.data.get("business_id", "")))
    stated = _digits(notice.data.get("display_phone_number") or notice.data.get("phone_number"))
    if not stated:
        return account
    named = [row for row in account if stated in _own_numbers(row)]
    return named or [row for row in account if not _own_numbers(row)]


def _numbers_of_account(connection: Connection, business: str) -> list[Connection]:
    """Those with the same account and the same secret: nobody else's notice can speak for them."""
    rows = [connection]
    if business:
        others = Connection.objects.filter(kind="channel", adapter=connection.adapter, settings__waba_id=business).exclude(pk=connection.pk)
        secret = connection.secrets.get("app_secret")
        rows += [row for row in others.order_by("pk") if row.secrets.get("app_secret") == secret]
    return rows


def _own_numbers(row: Connection) -> set[str]:
    return {_digits(row.address), _digits((row.facts or {}).get("display_phone_number"))} - {""}


def _digits(value: Any) -> str:
    return "".join(filter(str.isdigit, value)) if isinstance(value, str) else ""


def learn(connection: Connection, notice: Notice, *, at: datetime) -> None:
    """Take over the facts that a notice tells, unless something newer is known; keep the notice itself on the number's page.

    Every change of quality, messaging limit and speed leaves a `ConnectionChange`. Idempotent.
    """
    told: dict[str, Any] = notice.data.get("facts") or {}
    with transaction.atomic():
        row = Connection.objects.select_for_update(of=("self",)).get(pk=connection.pk)
        known, told_at = row.facts or {}, dict((row.facts or {}).get("told_at") or {})
        fresh = {name: value for name, value in told.items() if str(told_at.get(name, "")) <= at.isoformat()}
        for name, kind in RECORDED.items():
            if name in fresh:
                note_change(row, kind, _shown(known.get(name)), _shown(fresh[name]), notice.kind, at=at)
        told_at.update(dict.fromkeys(fresh, at.isoformat()))
        kept = {name: value for name, value in notice.data.items() if name != "facts"}
        remember_facts(row, {**fresh, "told_at": told_at or None, notice.kind: storable(kept)})
    connection.facts = row.facts


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def obey_standing(connection: Connection, notice: Notice, *, at: datetime) -> None:
    """Stop a number that the platform has stopped, let it go again when it says so, tell a person. Idempotent."""
    standing = notice.data.get("standing")
    if not isinstance(standing, dict):
        return
    event, effect = str(standing.get("event", "")), standing.get("effect")
    if effect in DECISIVE and not _is_newest(connection, at):
        return
    why = storable(": ".join(filter(None, [event, str(standing.get("detail", "")), _until(standing.get("until"))])))[:400]
    if effect == "stopped":
        breaker.pause(connection, by=PLATFORM, reason=why)
        _tell(connection, "account", why, _("WhatsApp has stopped this number: %(why)s"), level="error")
    elif effect == "unplugged":
        error = NeedsLogin if event.startswith("PARTNER") else Misconfigured
        breaker.report_failure(connection, error(why, code=PLATFORM), tell=False)
        _tell(connection, "account", why, _("This number is no longer connected at WhatsApp: %(why)s"), level="error")
    elif effect == "warned":
        _tell(connection, event.lower(), why, _("WhatsApp tells about this number: %(why)s"), level="warning")
    elif effect == "restored":
        _let_go(connection)
    if effect in DECISIVE:
        note_change(connection, "account", "", event, why, at=at)


def _is_newest(connection: Connection, at: datetime) -> bool:
    """False for a notice that a later one has overtaken. Notes the time of this one."""
    told_at = dict((connection.facts or {}).get("told_at") or {})
    if str(told_at.get("standing", "")) > at.isoformat():
        return False
    remember_facts(connection, {"told_at": {**told_at, "standing": at.isoformat()}})
    return True


def _until(stamp: Any) -> str:
    if not isinstance(stamp, int):
        return ""
    return _("until %(time)s UTC") % {"time": datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%d %H:%M")}


def _tell(connection: Connection, about: str, why: str, text: str, *, level: str) -> None:
    advice = _("Look at the account in the WhatsApp Manager; when all is well there, let the number send again on its page.")
    words = text % {"why": why}
    raise_alert(f"{about[:60]}:{connection.slug}", text=f"{connection.label}: {words}", advice=advice, level=level, connection=connection)


def _let_go(connection: Connection) -> None:
    """End a stop of the platform. What a person paused, or what fails for another reason, stays as it is."""
    row = Connection.objects.only("state", "state_reason", "slug").get(pk=connection.pk)
    if row.state_reason.startswith(f"{PLATFORM}:"):
        if row.state == Connection.State.PAUSED:
            breaker.resume(connection)
        else:
            breaker.restore(connection)
    close_alert(f"account:{connection.slug}")
