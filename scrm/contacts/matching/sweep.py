"""All contacts compared with one another, in steps that each stand by themselves: stopped at any moment, it goes on where it was.

A step takes the contacts after the last one done, by id, finds their likenesses by the stored keys, and commits pairs, cases and its own
position together. So nothing is lost and nothing is done twice, whatever kills the process. New contacts are compared as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction

from scrm.contacts.matching import finding, profile, store
from scrm.contacts.matching.comparing import likenesses
from scrm.contacts.matching.publishing import Rules, in_force
from scrm.contacts.models import Contact, MatchProfile, MatchSweep
from scrm.core import clock

STEP = 500


@dataclass(frozen=True, slots=True)
class Progress:
    """`total`: contacts to compare; `found`: pairs that may be one person, counted on the side of each contact once."""

    sweep: int
    done: int
    total: int
    found: int


def unfinished() -> MatchSweep | None:
    return MatchSweep.objects.filter(state=MatchSweep.State.RUNNING).order_by("-pk").first()


def begin(rules: Rules | None = None) -> MatchSweep:
    now = clock.now()
    version = (rules or in_force()).version
    return MatchSweep.objects.create(rules_version=version, started_at=now, updated_at=now)


def run(sweep: MatchSweep, *, step: int = STEP, stop: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
    """Go on with a sweep; yields after each step that is stored."""
    total = Contact.objects.filter(merged_into=None).count()
    done = Contact.objects.filter(merged_into=None, pk__lte=sweep.position).count()
    while not stop():
        ids = list(Contact.objects.filter(pk__gt=sweep.position, merged_into=None).order_by("pk").values_list("pk", flat=True)[:step])
        if not ids:
            sweep.state, sweep.finished_at = MatchSweep.State.DONE, clock.now()
            sweep.save(update_fields=["state", "finished_at"])
            return
        with transaction.atomic():
            _step(sweep, ids)
        done += len(ids)
        yield Progress(sweep.pk, done, total, sweep.found)


def _step(sweep: MatchSweep, ids: Sequence[int]) -> None:
    rules = in_force()
    profiles = store.load(ids)
    found = likenesses(profiles, rules)
    finding.record(found, ids, rules)
    sweep.position = ids[-1]
    sweep.compared += len(ids)
    inside = set(ids)
    # A pair across two steps is met from both sides; the one with the lower id counts it.
    sweep.found += sum(each.first in inside for each in found)
    sweep.updated_at = clock.now()
    sweep.save(update_fields=["position", "compared", "found", "updated_at"])


def prepare(*, step: int = 1_000, stop: Callable[[], bool] = lambda: False) -> Iterator[int]:
    """Store keys of the contacts that have none yet, or those of an earlier version; yields how many it stored so far."""
    stored, position = 0, 0
    while not stop():
        current = MatchProfile.objects.filter(version=profile.VERSION).values("contact_id")
        rows = Contact.objects.filter(pk__gt=position, merged_into=None).exclude(pk__in=current)
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:step])
        if not ids:
            return
        store.refresh(ids)
        position = ids[-1]
        stored += len(ids)
        yield stored
