"""A campaign at work, a step at a time: the audience is taken, everybody judged, and each handed to the outbox once.

A step holds its campaign's row, so that whoever pauses or stops it waits for the step that is under way and no other begins. A recipient
and the message to it are written in one transaction: killed at any moment, the next step goes on where this one was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q

from scrm.campaigns import plan, segments
from scrm.campaigns.addressing import Addressed, addressed, files_of
from scrm.campaigns.campaigns import State, cause_of
from scrm.campaigns.models import Campaign, Recipient
from scrm.connections.work_sentences import BROKE_OFF_CAMPAIGN
from scrm.contacts.family import family_of
from scrm.contacts.locking import lock_people
from scrm.contacts.models import Contact
from scrm.conversations.models import Message
from scrm.conversations.price_rules import platform_of
from scrm.conversations.prices import country_of, table
from scrm.conversations.queueing import Draft, queue_many
from scrm.conversations.services import start_conversation
from scrm.conversations.settlement import withdraw
from scrm.conversations.standing import Standing
from scrm.conversations.states import OPEN
from scrm.conversations.templates import category_of
from scrm.conversations.threads import lock_people_behind
from scrm.core import clock
from scrm.core.logs import trail
from scrm.core.rows import update_many
from scrm.core.zones import business_day

logger = logging.getLogger(__name__)

TAKEN, JUDGED, HANDED_OVER, WITHDRAWN = 1_000, 200, 50, 100
# Of a rare condition so many contacts are looked at in a step, whether or not one of them is found.
LOOKED_AT = 100_000
# How often it is seen whether what was handed over has left.
LOOK_AGAIN = timedelta(seconds=10)
Reason = Recipient.Reason


def step() -> int:
    """Some work on the campaign that has rested longest; how many people that concerned, 0 when there is nothing to do."""
    at_work = Q(state__in=[State.PREPARING, State.RUNNING]) | Q(state=State.STOPPED, finished_at=None)
    now = clock.now()
    due = ~Q(state=State.RUNNING) | Q(starts_at=None) | Q(starts_at__lte=now)
    rows = Campaign.objects.filter(at_work, Q(rests_until=None) | Q(rests_until__lte=now), due)
    for pk in list(rows.order_by(F("rests_until").asc(nulls_first=True), "pk").values_list("pk", flat=True)[:20]):
        done = _work_on(pk)
        if done:
            return done
    return 0


def _work_on(pk: int) -> int:
    rows = Campaign.objects.select_related("segment", "template__connection")
    try:
        seen = rows.filter(pk=pk).first()
        files = files_of(seen.template, hand_over=seen.state == State.RUNNING) if seen is not None else {}
        with transaction.atomic():
            if connection.features.has_select_for_update_skip_locked:
                rows = rows.select_for_update(skip_locked=True, of=("self",))
            row = rows.filter(pk=pk).first()
            work = _STEPS.get(row.state) if row is not None else None
            # Another state or template than a moment ago is for the next step.
            same = row is not None and seen is not None and (row.state, row.template_id) == (seen.state, seen.template_id)
            return work(row, files) if row is not None and work is not None and same else 0
    except (OperationalError, InterfaceError):
        raise
    except segments.BrokenSegment as broken:
        _set_aside(pk, str(broken))
    except ValidationError as error:
        _set_aside(pk, " ".join(error.messages))
    except Exception as error:
        logger.error("campaign %s is paused: %s", pk, trail(error))
        _set_aside(pk, BROKE_OFF_CAMPAIGN)
    return 0


def _set_aside(pk: int, trouble: str) -> None:
    """A person looks at it. What was being checked is a draft again, what was running is paused."""
    Campaign.objects.filter(pk=pk, state=State.PREPARING).update(state=State.DRAFT, trouble=trouble[:300])
    Campaign.objects.filter(pk=pk, state=State.RUNNING).update(state=State.PAUSED, trouble=trouble[:300])


def _keep(row: Campaign, **fields: object) -> None:
    """What the step brought; the campaign stands behind the others now."""
    Campaign.objects.filter(pk=row.pk).update(**{"rests_until": clock.now(), **fields})


# --- checking ---------------------------------------------------------------------------------------------------------


def _prepare(row: Campaign, files: dict[str, Any]) -> int:
    if row.taken_at is None:
        return _clear(row) or _take(row)
    return _judge(row, files)


def _clear(row: Campaign) -> int:
    """Who was in the audience when it was checked before."""
    if row.looked_to:
        return 0
    old = list(row.recipients.order_by("pk").values_list("pk", flat=True)[:TAKEN])
    Recipient.objects.filter(pk__in=old).delete()
    return len(old)


def _take(row: Campaign) -> int:
    members = segments.members(row.segment).filter(pk__gt=row.looked_to)
    last = Contact.objects.filter(pk__gt=row.looked_to).order_by("pk").values_list("pk", flat=True)[LOOKED_AT - 1 : LOOKED_AT].first()
    within = members.filter(pk__lte=last) if last is not None else members
    ids = list(within.order_by("pk").values_list("pk", flat=True)[:TAKEN])
    Recipient.objects.bulk_create([Recipient(campaign=row, contact_id=pk) for pk in ids], ignore_conflicts=True)
    people = row.people + len(ids)
    if len(ids) == TAKEN:
        _keep(row, looked_to=ids[-1], people=people)
    elif last is not None:
        _keep(row, looked_to=last, people=people)
    else:
        _keep(row, taken_at=clock.now(), people=people)
    return len(ids) or 1


def _judge(row: Campaign, files: dict[str, Any]) -> int:
    """What the law would say to each person now. Nothing is written into anybody's conversation."""
    found = list(row.recipients.filter(state=Recipient.State.FOUND).select_related("contact").order_by("pk")[:JUDGED])
    if not found:
        eligible = row.recipients.filter(state=Recipient.State.WAITING).count()
        _keep(row, state=State.READY, prepared_at=clock.now(), eligible=eligible)
        return 1
    now = clock.now()
    cases = addressed(row.template, found, files, now)
    going = [case for case in cases if not case.refused]
    standing = Standing([case.conversation for case in going], now)
    drafts = [_message(row, case) for case in going]
    standing.know_templates(drafts)
    for case, message in zip(going, drafts, strict=True):
        verdict = standing.judge(message, case.conversation)
        case.reason, case.until = verdict.rule if verdict.verdict != "allow" else "", verdict.until
        case.refused = verdict.verdict == "refuse"
    for case in cases:
        case.recipient.state = Recipient.State.LEFT_OUT if case.refused else Recipient.State.WAITING
        case.recipient.reason, case.recipient.note, case.recipient.until = case.reason, case.note, case.until
    update_many(Recipient, [case.recipient for case in cases], ["state", "reason", "note", "until"])
    _keep(row, **_with_costs(row, [case for case in cases if not case.refused], now))
    return len(found)


def _message(row: Campaign, case: Addressed) -> Message:
    return Message(
        conversation=case.conversation, connection_id=row.template.connection_id, kind="template", text=case.text, content=case.content,
        category=category_of(row.template), source="campaign",
    )  # fmt: skip


def _with_costs(row: Campaign, cases: Sequence[Addressed], now: datetime) -> dict[str, object]:
    number, prices = row.template.connection, table()
    day, platform = business_day(now, number.time_zone), platform_of(number.adapter)
    sums = {currency: Decimal(amount) for currency, amount in row.costs.items()}
    unpriced = row.unpriced
    for case in cases:
        price = prices.find(platform, country_of(case.conversation.identity), category_of(row.template), day)
        if price is None:
            unpriced += 1
        else:
            sums[price.currency] = sums.get(price.currency, Decimal(0)) + price.amount
    return {"costs": {currency: str(amount) for currency, amount in sorted(sums.items())}, "unpriced": unpriced}


# --- sending ----------------------------------------------------------------------------------------------------------


def _run(row: Campaign, files: dict[str, Any]) -> int:
    now = clock.now()
    bounds = plan.of(row, now)
    waiting = row.recipients.filter(state=Recipient.State.WAITING)
    found = list(waiting.select_related("contact").order_by("pk")[: min(HANDED_OVER, bounds.left)])
    if found:
        sent = _hand_over(row, found, files, now)
        _keep(row, day=bounds.day, of_day=bounds.of_day + sent)
        return len(found)
    if waiting.exists():
        _keep(row, rests_until=bounds.next_day)
    elif Message.objects.filter(campaign_recipient__campaign=row, state__in=OPEN).exists():
        _keep(row, rests_until=now + LOOK_AGAIN)
    else:
        _keep(row, state=State.DONE, finished_at=now)
    return 0


def _hand_over(row: Campaign, found: Sequence[Recipient], files: dict[str, Any], now: datetime) -> int:
    """Queue a message to each; how many were not refused."""
    cases = addressed(row.template, found, files, now)
    lock_people({case.conversation.identity.contact_id for case in cases if not case.refused})
    for case in cases:
        if not case.refused and case.conversation.pk is None:
            case.conversation = start_conversation(case.conversation.identity, row.template.connection)
    going = _one_a_person(row, [case for case in cases if not case.refused])
    results = queue_many([_draft(row, case) for case in going])
    for case, result in zip(going, results, strict=True):
        case.recipient.message, case.recipient.state = result.message, Recipient.State.SENT
        case.reason, case.until, case.refused = result.decision.rule, result.decision.until, result.message.state == "blocked"
    for case in cases:
        if case.refused:
            case.recipient.state = Recipient.State.LEFT_OUT
        case.recipient.reason, case.recipient.note, case.recipient.until = case.reason, case.note, case.until
    update_many(Recipient, [case.recipient for case in cases], ["state", "reason", "note", "until", "message"])
    return sum(not case.refused for case in cases)


def _draft(row: Campaign, case: Addressed) -> Draft:
    key = f"{cause_of(row)}:{case.recipient.contact_id}"
    said = {"kind": "template", "text": case.text, "content": case.content, "category": category_of(row.template)}
    return Draft(case.conversation, "campaign", key, cause=cause_of(row), **said)  # type: ignore[arg-type]


def _one_a_person(row: Campaign, cases: Sequence[Addressed]) -> list[Addressed]:
    """Records that were merged since the audience was taken are one person. Their people are locked until the transaction ends."""
    owners = lock_people_behind([case.conversation.pk for case in cases])
    people = {person.pk: person for person in Contact.objects.filter(pk__in=set(owners.values()))}
    records = {record: pk for pk, person in people.items() for record in family_of(person)}
    sent = row.recipients.filter(contact__in=records, state=Recipient.State.SENT).values_list("contact", flat=True)
    had = {records[record] for record in sent}
    kept: list[Addressed] = []
    for case in cases:
        person = owners[case.conversation.pk]
        if person in had:
            case.leave_out(Reason.SAME_PERSON)
        else:
            had.add(person)
            kept.append(case)
    return kept


# --- stopping ---------------------------------------------------------------------------------------------------------


def _wind_up(row: Campaign, files: dict[str, Any]) -> int:
    """Nothing of it can leave any more; what waits in the outbox is taken out of it, and the rest of the audience told so."""
    rest = row.recipients.filter(state__in=[Recipient.State.FOUND, Recipient.State.WAITING])
    rest.update(state=Recipient.State.LEFT_OUT, reason=Reason.STOPPED, until=None)
    queued = Message.objects.filter(campaign_recipient__campaign=row, state="queued").order_by("pk")
    found = list(queued.values_list("pk", flat=True)[:WITHDRAWN])
    withdraw(found, "cause_withdrawn", "The campaign was stopped")
    if len(found) < WITHDRAWN:
        _keep(row, finished_at=clock.now())
    return len(found)


_STEPS: dict[str, Callable[[Campaign, dict[str, Any]], int]] = {State.PREPARING: _prepare, State.RUNNING: _run, State.STOPPED: _wind_up}
