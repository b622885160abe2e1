"""What a platform's error asks for beyond the one message: an opt-out, a pause for a person, a stop of promotions.

The same codes come in the answer to a send and, hours later, in a failed status; they are obeyed alike.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from connectors.errors import ConnectorError, TryLater
from scrm.connections.alerts import raise_alert
from scrm.connections.sentences import PROMOTIONS_WAIT
from scrm.contacts.models import Identity
from scrm.contacts.services import record_consent
from scrm.conversations import pace
from scrm.conversations.models import Message, MessageTemplate

# The platform states no end for these: a day is the shortest that its own enforcement ladder knows.
PROMOTIONS_PAUSE = timedelta(hours=24)
MARKETING_PAUSE = timedelta(hours=24)
TOO_FAST = "130429"
TOO_MUCH_MARKETING = "131049"
LONGEST_PAIR_WAIT = timedelta(hours=1)


def pair_wait(error: TryLater, attempts: int) -> timedelta:
    """The platform's advice for one person who gets too much at a time: 4^n seconds after the n-th attempt."""
    return min(max(error.after, timedelta(seconds=4 ** max(attempts, 1))), LONGEST_PAIR_WAIT)


def obey(message: Message, error: ConnectorError, now: datetime) -> None:
    """What the error asks for beyond this one message. Runs in a transaction that holds the person's lock."""
    identity = message.conversation.identity
    if isinstance(error, TryLater):
        _obey_wait(message, identity, error, now)
        return
    remedy = getattr(error, "remedy", "none")
    if remedy == "opt_out":
        record_consent(identity, purpose="marketing", allowed=False, source="platform", evidence=f"error {error.code}", at=now)
    elif remedy == "mark_address":
        Identity.objects.filter(pk=identity.pk, unreachable_since=None).update(unreachable_since=now, unreachable_reason=error.code[:40])
    elif remedy == "hold_template":
        _mark_paused(message, error, now)
    elif remedy == "pause_campaigns":
        number = message.connection
        pace.stop_promotions(number, now + PROMOTIONS_PAUSE, f"{error.code}: {error.title}", now)
        raise_alert(
            f"promotions:{number.slug}",
            text=f"{number.label}: {error.title}",
            advice=PROMOTIONS_WAIT,
            level="error",
            connection=number,
        )


def _obey_wait(message: Message, identity: Identity, error: TryLater, now: datetime) -> None:
    if error.code == TOO_MUCH_MARKETING:
        Identity.objects.filter(pk=identity.pk).update(marketing_wait_until=now + max(error.after, MARKETING_PAUSE))
    elif error.scope == "recipient":
        Identity.objects.filter(pk=identity.pk).update(pair_wait_until=now + pair_wait(error, message.attempts))
    elif error.code == TOO_FAST:
        pace.slow_down(message.connection, now, f"{error.code}: {error.title}")


def _mark_paused(message: Message, error: ConnectorError, now: datetime) -> None:
    """The platform refuses the template before its notice has come: what else uses it waits as well."""
    language = str(message.content.get("language", ""))
    MessageTemplate.objects.filter(
        connection=message.connection_id,
        name=message.content.get("name", ""),
        language__in={language, language.replace("-", "_"), language.replace("_", "-")},
        status="APPROVED",
    ).update(status="PAUSED", reason=error.title[:500], status_at=now)
