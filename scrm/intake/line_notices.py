"""What LINE tells about people and about the account, beside messages.

A block is told as `unfollow`: nothing arrives at the person until they add the account again or write. LINE delivers an event late or
twice, so only its own time decides which of two is newer.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from connectors.contracts import Address, Notice
from scrm.connections.alerts import close_alert, raise_alert
from scrm.connections.models import Connection
from scrm.connections.services import remember_facts
from scrm.contacts import events
from scrm.contacts.models import Event, Identity
from scrm.contacts.services import Sender, find_identity, resolve_identity
from scrm.conversations.models import Conversation
from scrm.conversations.profiles import ask_for_names
from scrm.core.security import storable

BLOCKED = "blocked"


def note_followed(connection: Connection, notice: Notice, at: datetime) -> None:
    """Somebody added the account, or unblocked it: a person we may write to."""
    identity = _person(connection, notice, at)
    if identity is None:
        return
    Identity.objects.filter(pk=identity.pk, unreachable_since__lte=at).update(unreachable_since=None, unreachable_reason="")
    follow = notice.data.get("follow")
    unblocked = isinstance(follow, dict) and follow.get("isUnblocked") is True
    _record(connection, identity, "identity.followed", at, notice, unblocked=unblocked)
    ask_for_names([(identity, connection)])


def note_unfollowed(connection: Connection, notice: Notice, at: datetime) -> None:
    """Somebody blocked the account. Of a person who was never here there is nothing to note."""
    for address in notice.subject:
        identity = find_identity([Address(address.kind, storable(address.value), address.scope)])
        if identity is None or _came_back(identity, connection, at):
            continue
        Identity.objects.filter(pk=identity.pk).filter(Q(unreachable_since=None) | ~Q(unreachable_reason=BLOCKED)).update(
            unreachable_since=at, unreachable_reason=BLOCKED
        )
        _record(connection, identity, "identity.unfollowed", at, notice)


def _came_back(identity: Identity, connection: Connection, at: datetime) -> bool:
    """True when a later sign of life is known already."""
    wrote = Conversation.objects.filter(identity=identity, connection=connection, last_inbound_at__gt=at)
    followed = Event.objects.filter(contact_id=identity.contact_id, identity=identity, kind="identity.followed", occurred_at__gt=at)
    return wrote.exists() or followed.exists()


def note_account_link(connection: Connection, notice: Notice, at: datetime) -> None:
    """The person confirmed, or failed to confirm, that an account of our shop is theirs.

    The nonce leads to that account where it was made. Nothing is joined here: whose contact it is, a supervisor decides.
    """
    identity = _person(connection, notice, at)
    if identity is None:
        return
    link = notice.data.get("link")
    given = link if isinstance(link, dict) else {}
    result, nonce = str(given.get("result", ""))[:20], str(given.get("nonce", ""))[:255]
    kind = "account.linked" if result == "ok" else "account.link_failed"
    _record(connection, identity, kind, at, notice, result=storable(result), nonce=storable(nonce))


def note_suspended(connection: Connection, notice: Notice, at: datetime) -> None:
    """LINE has suspended the account: a person must look."""
    keep(connection, notice, at)
    raise_alert(
        f"account:{connection.slug}",
        text=_("%(label)s: LINE has suspended this account.") % {"label": connection.label},
        advice=_("Look at the account in the LINE Official Account Manager."),
        level="error",
        connection=connection,
    )


def note_resumed(connection: Connection, notice: Notice, at: datetime) -> None:
    keep(connection, notice, at)
    close_alert(f"account:{connection.slug}")


def keep(connection: Connection, notice: Notice, at: datetime) -> None:
    """Shown on the connection's page; changes nothing."""
    remember_facts(connection, {notice.kind: storable({"at": at.isoformat(), **notice.data})})


def _person(connection: Connection, notice: Notice, at: datetime) -> Identity | None:
    """Whom the notice is about, made known when new; None when it names nobody."""
    if not notice.subject:
        return None
    return resolve_identity(Sender(notice.subject, country=connection.country, language=connection.language, at=at))


def _record(connection: Connection, identity: Identity, kind: str, at: datetime, notice: Notice, **data: object) -> None:
    told = {"connection": connection.pk, **data}
    events.record([Event(contact_id=identity.contact_id, identity=identity, kind=kind, occurred_at=at, data=told, cause=notice.key[:120])])


EFFECTS = {
    "follow": note_followed,
    "unfollow": note_unfollowed,
    "account_link": note_account_link,
    "bot_suspended": note_suspended,
    "bot_resumed": note_resumed,
    "activated": keep,
    "deactivated": keep,
    "module": keep,
}
