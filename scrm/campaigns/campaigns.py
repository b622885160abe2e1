"""What people do with a campaign. Each is done once, however often the button is pressed, and takes hold with its commit.

A message that has not left when a campaign is paused waits, and of one that is stopped never leaves: the law asks for the campaign in the
transaction that sends (`causes`). What is with the platform at that moment cannot be taken back.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from scrm.campaigns import segments
from scrm.campaigns.addressing import unmapped
from scrm.campaigns.models import Campaign, Segment
from scrm.conversations.causes import Standing
from scrm.conversations.models import Message, MessageTemplate
from scrm.conversations.template_states import SENDABLE
from scrm.core import audit, clock, jobs
from scrm.staff.models import User

State = Campaign.State
DRAIN = "campaigns"
KIND = "campaign"
# People opt out, templates change: what was checked is good for so long.
CHECKED_FOR = timedelta(hours=24)
EDITABLE = frozenset({State.DRAFT, State.READY})


class Refused(Exception):
    """It cannot be done as things stand; the text says why and what to do."""


def cause_of(campaign: Campaign) -> str:
    return f"{KIND}:{campaign.pk}"


def edit(campaign: Campaign, *, name: str, segment: Segment, template: MessageTemplate, starts_at: datetime | None) -> None:
    """Write something else into one that was not started; who it goes to and with what words is then to be checked anew.

    Raises `Refused` when it was started meanwhile.
    """
    with transaction.atomic():
        row = _locked(campaign)
        if row.state not in EDITABLE:
            raise Refused(_("It was started already, so nothing in it can be changed. Stop it, and begin a new one."))
        same = (row.segment_id, row.template_id) == (segment.pk, template.pk)
        told = {} if same else {"state": State.DRAFT, "prepared_at": None}
        _write(row, name=name, segment=segment, template=template, starts_at=starts_at, **told)


def prepare(campaign: Campaign) -> None:
    """Take the audience and judge everybody in it, in the background. Raises `Refused`."""
    with transaction.atomic():
        row = _locked(campaign)
        if row.state == State.PREPARING:
            return
        if row.state not in EDITABLE:
            raise Refused(_("It was started already."))
        check(row)
        _write(row, state=State.PREPARING, looked_to=0, taken_at=None, prepared_at=None, people=0, eligible=0, costs={}, unpriced=0)


def start(campaign: Campaign, *, by: User) -> None:
    with transaction.atomic():
        row = _locked(campaign)
        if row.state == State.RUNNING:
            return
        if row.state in {State.PAUSED, State.STOPPED, State.DONE}:
            raise Refused(_("It was started already."))
        if row.state != State.READY or row.prepared_at is None:
            raise Refused(_("Check it first: then it is seen who gets it, who does not, and why."))
        if clock.now() - row.prepared_at > CHECKED_FOR:
            raise Refused(_("It was checked more than a day ago. Check it again, then start it."))
        if not row.eligible:
            raise Refused(_("Nobody in the segment may get it. Look at the reasons, change the segment or the template, and check again."))
        check(row)
        _write(row, state=State.RUNNING, started_at=clock.now(), started_by=by)
        _account("campaigns.started", row, by)


def pause(campaign: Campaign, *, by: User) -> None:
    with transaction.atomic():
        row = _locked(campaign)
        if row.state == State.PAUSED:
            return
        if row.state != State.RUNNING:
            raise Refused(_("It is not running."))
        _write(row, state=State.PAUSED)
        _account("campaigns.paused", row, by)


def resume(campaign: Campaign, *, by: User) -> None:
    """What was held is due at once; the law is asked about each again, so waking too many is harmless."""
    with transaction.atomic():
        row = _locked(campaign)
        if row.state == State.RUNNING:
            return
        if row.state != State.PAUSED:
            raise Refused(_("It is not paused."))
        _write(row, state=State.RUNNING)
        held = Message.objects.filter(campaign_recipient__campaign=row, state="queued", due_at__gt=clock.now())
        Message.objects.filter(pk__in=held.values("pk")).update(due_at=clock.now())
        jobs.wake_on_commit("outbox")
        _account("campaigns.resumed", row, by)


def stop(campaign: Campaign, *, by: User) -> None:
    """For good: nothing of it leaves any more. One that is only being checked is a draft again."""
    with transaction.atomic():
        row = _locked(campaign)
        if row.state == State.STOPPED:
            return
        if row.state == State.PREPARING:
            _write(row, state=State.DRAFT)
            return
        if row.state not in {State.RUNNING, State.PAUSED}:
            raise Refused(_("It is not running."))
        _write(row, state=State.STOPPED)
        _account("campaigns.stopped", row, by)


def standing(causes: set[str]) -> dict[str, Standing]:
    """How these causes ("campaign:12") stand: of a campaign that was stopped or is gone they are withdrawn, of a paused one they wait."""
    numbers = {cause: cause.partition(":")[2] for cause in causes}
    asked = {int(number) for number in numbers.values() if number.isdecimal() and len(number) < 19}
    states = dict(Campaign.objects.filter(pk__in=asked).values_list("pk", "state"))
    found: dict[str, Standing] = {}
    for cause, number in numbers.items():
        state = states.get(int(number)) if number.isdecimal() else None
        if state is None or state == State.STOPPED:
            found[cause] = Standing("withdrawn", "The campaign was stopped")
        elif state == State.PAUSED:
            found[cause] = Standing("paused", "The campaign is paused")
    return found


def _account(action: str, row: Campaign, by: User) -> None:
    about = {"name": row.name, "segment": row.segment.name, "template": row.template.name, "people": row.eligible}
    audit.record(action, by=by, subject=row, after=about)


def check(row: Campaign) -> None:
    """Whether it can be sent at all. Raises `Refused`."""
    if row.template.status not in SENDABLE:
        raise Refused(_("The platform has not approved this template, or stopped it. Choose another one."))
    if blanks := unmapped(row.template):
        raise Refused(
            _("Nobody said what belongs into the template at: %(places)s. Say it on the template's page.") % {"places": ", ".join(blanks)}
        )
    try:
        segments.members(row.segment)
    except segments.BrokenSegment as broken:
        raise Refused(str(broken)) from broken


def _locked(campaign: Campaign) -> Campaign:
    return Campaign.objects.select_for_update(of=("self",)).select_related("segment", "template__connection").get(pk=campaign.pk)


def _write(row: Campaign, **fields: object) -> None:
    Campaign.objects.filter(pk=row.pk).update(trouble="", rests_until=None, **fields)
    jobs.wake_on_commit(DRAIN)
