"""The figures of one CRM's health, as people read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from scrm.console.templatetags.console_sync import share
from scrm.sync.health import LEAST_QUICK, LEAST_SUCCESS, LONGEST_CALL_MS, Health


@dataclass(slots=True)
class Figure:
    """One or two values under a name. `parts` are (text, address or ""); a bad one is why the CRM needs a look."""

    name: str
    why: str
    parts: list[tuple[str, str]]
    bad: bool = False
    more: str = ""


def counted(number: int) -> str:
    return number_format(number, force_grouping=True)


def figures_of(crm: Health) -> list[Figure]:
    return [*_speed(crm), *_amounts(crm), *_open(crm)]


def _speed(crm: Health) -> Iterator[Figure]:
    delay = "–" if crm.mean_latency is None else _("%(number)s s") % {"number": number_format(crm.mean_latency, 1)}
    call = "–" if crm.call_ms is None else _("%(number)s ms") % {"number": counted(round(crm.call_ms))}
    written = _("Records that were written, of those written or given up as dead letters. At least 99 %.")
    quick = _("Writes that stood in the CRM within 3 seconds after the change here. At least 95 %; in batches it does not apply.")
    yield Figure(_("Success"), written, [(share(crm.success), "")], crm.success is not None and crm.success < LEAST_SUCCESS)
    yield Figure(_("Within 3 s"), quick, [(share(crm.quick), "")], crm.quick is not None and crm.quick < LEAST_QUICK)
    yield Figure(_("Mean delay"), _("From the change here to the answer of the CRM, the mean of all writes, in seconds."), [(delay, "")])
    slow = crm.call_ms is not None and crm.call_ms >= LONGEST_CALL_MS
    yield Figure(_("Call"), _("How long the CRM took to answer one call, the mean in milliseconds. Below 1,500."), [(call, "")], slow)


def _amounts(crm: Health) -> Iterator[Figure]:
    failed = _("%(number)s failed") % {"number": counted(crm.failed_calls)} if crm.failed_calls else ""
    yield Figure(_("Calls"), _("Calls to the CRM, and how many of them failed."), [(counted(crm.calls), "")], more=failed)
    both = [(counted(crm.written), ""), (counted(crm.read), "")]
    yield Figure(_("Written / taken over"), _("Records written there and taken over here."), both)
    yield Figure(_("Busiest hour"), _("Records in both directions in the busiest hour."), [(counted(crm.busiest_hour), "")])


def _open(crm: Health) -> Iterator[Figure]:
    """What waits, by itself or for a person; each leads to its list."""
    dead = f"?state__exact=dead&connection={crm.connection.pk}"
    pushes, pulls = reverse("admin:sync_push_changelist"), reverse("admin:sync_pull_changelist")
    waiting = [(counted(crm.waiting), ""), (counted(crm.reads_waiting), "")]
    queue = _("Records that wait to be written or read; failed ones are tried again every 5 minutes, 3 times.")
    yield Figure(_("Queue"), queue, waiting, more=timesince(crm.oldest) if crm.oldest else "")
    gone = [(counted(crm.dead), pushes + dead), (counted(crm.reads_dead), pulls + dead)]
    why = _("Records that were given up with a reason, and wait for a person.")
    yield Figure(_("Dead letters"), why, gone, bool(crm.dead or crm.reads_dead))
    differences = reverse("admin:sync_syncconflict_changelist") + "?state__exact=open"
    decide = [(counted(crm.held), reverse("console:differences")), (counted(crm.conflicts), differences)]
    yield Figure(_("To decide"), _("Fields that both sides changed at the same moment, and values that do not fit here."), decide)
    left = f"{pulls}?state__exact=left&connection={crm.connection.pk}"
    alone = _("Deals, cases and orders of the CRM that belong to nobody here, or to several people at once.")
    yield Figure(_("Left alone"), alone, [(counted(crm.left_alone), left)])
