"""What runs in the background for this app."""

from __future__ import annotations

from datetime import timedelta

from scrm.contacts import events
from scrm.contacts.models import Event
from scrm.core import clock, jobs
from scrm.hooks import delivery, kinds, services
from scrm.hooks.models import Delivery

KEPT = timedelta(days=30)
_CHUNK = 1000


def _delay(event: Event) -> timedelta | None:
    """Only what somebody asked for is looked at again."""
    return timedelta(0) if event.kind in services.wanted_events() else None


events.consumer("hooks", kinds=kinds.EVENTS, delay=_delay, by_kind=True)(services.note)


@jobs.drain(services.DRAIN, slots=2)
def deliver() -> int:
    return delivery.deliver_due()


@jobs.drain(f"{services.DRAIN}.slow")
def deliver_to_suspects() -> int:
    return delivery.deliver_due(slow=True)


@jobs.periodic("hooks.hurry", every=10)
def hurry_along() -> None:
    if delivery.hurry_along():
        services.wake()


@jobs.periodic("hooks.tidy", every=3600)
def tidy() -> None:
    """What ended a month ago is deleted, a thousand rows at a time."""
    old = Delivery.objects.exclude(state=Delivery.State.DUE).filter(done_at__lt=clock.now() - KEPT)
    while ids := list(old.values_list("pk", flat=True)[:_CHUNK]):
        Delivery.objects.filter(pk__in=ids).delete()
