"""Putting and removing tags, by rule and by hand; each tag says why it is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from scrm.contacts import events
from scrm.contacts.family import family_ids, record_behind
from scrm.contacts.models import Contact, Event
from scrm.conversations.models import Conversation, Message
from scrm.core import clock, rows
from scrm.staff.models import User
from scrm.tags import rules
from scrm.tags.keywords import Hit, Matcher
from scrm.tags.models import Tag, TagAssignment, TagRule

# What makes a rule another rule: a change of these begins a new version.
_MEANING = ("keywords", "exceptions", "heeds_negation", "tag_id", "opens_deal", "opens_case", "enabled")


@dataclass(frozen=True, slots=True)
class _Found:
    message: Message
    rule: TagRule
    hit: Hit


def tag_messages(messages: Sequence[Message], *, at: datetime) -> int:
    """Tag the people who wrote `messages` by the rules in force; return how many tags are new.

    Call it in the transaction that stores the messages, after their conversations were locked or updated. Messages must have
    `conversation.identity.contact` loaded. Safe to run twice and in several workers: a contact has a tag once.
    """
    found = _find(messages)
    if not found:
        return 0
    added = _insert([_assignment(item, at) for item in found])
    new_events = [_added_event(assignment, at) for assignment in added] + _sales_events(found, at)
    if new_events:
        events.record(new_events)
    return len(added)


def _find(messages: Iterable[Message]) -> list[_Found]:
    texts = [message for message in messages if message.text and message.direction == Message.Direction.IN]
    if not texts:
        return []
    in_force = rules.current()
    return [_Found(message, rule, hit) for message in texts for rule, hit in in_force.first_hits(message.text)]


def _assignment(item: _Found, at: datetime) -> TagAssignment:
    conversation = item.message.conversation
    # On the record whose address it came by: taking a merge back leaves it with the right one.
    return TagAssignment(
        contact_id=record_behind(conversation.identity),
        conversation=conversation,
        tag=item.rule.tag,
        rule=item.rule,
        rule_version=item.rule.version,
        message=item.message,
        matched=item.hit.matched[:120],
        span_start=item.hit.start,
        span_end=item.hit.end,
        assigned_at=at,
    )


def _insert(wanted: Sequence[TagAssignment]) -> list[TagAssignment]:
    """Insert what is not there yet and return it. In one order for all workers, so that two batches cannot wait for each other."""
    unique = {(row.contact_id, row.tag_id): row for row in reversed(wanted)}
    inserted = rows.insert_new(TagAssignment, [unique[key] for key in sorted(unique)], key="id")
    if not inserted:
        return []
    there = TagAssignment.objects.filter(pk__in=inserted).values_list("contact_id", "tag_id", "pk")
    for contact, tag, pk in there:
        unique[contact, tag].pk = pk
    return [row for row in unique.values() if row.pk is not None]


def _added_event(row: TagAssignment, at: datetime) -> Event:
    details = {"tag": row.tag.slug, "assignment": row.pk, "rule": row.rule_id, "rule_version": row.rule_version}
    details |= {"message": row.message_id, "conversation": row.conversation_id}
    cause = f"tag_rule:{row.rule_id}:v{row.rule_version}" if row.rule_id else ""
    return Event(contact_id=row.contact_id, kind="tag.added", occurred_at=at, data=details, cause=cause)


def _sales_events(found: Sequence[_Found], at: datetime) -> list[Event]:
    """One event of each kind for each conversation in which a rule that opens deals, or cases, hit for the first time."""
    first: dict[tuple[str, int], _Found] = {}
    for item in found:
        for kind, opens in (("conversation.deal", item.rule.opens_deal), ("conversation.case", item.rule.opens_case)):
            if opens:
                first.setdefault((kind, item.message.conversation_id), item)
    if not first:
        return []
    contacts = {item.message.conversation.identity.contact_id for item in first.values()}
    known = Event.objects.filter(contact_id__in=contacts, kind__in={kind for kind, _ in first})
    for kind, conversation in known.values_list("kind", "data__conversation"):
        first.pop((kind, conversation), None)
    return [_sales_event(kind, item, at) for (kind, _), item in first.items()]


def _sales_event(kind: str, item: _Found, at: datetime) -> Event:
    identity = item.message.conversation.identity
    details = {"conversation": item.message.conversation_id, "tag": item.rule.tag.slug, "message": item.message.pk}
    cause = f"tag_rule:{item.rule.pk}:v{item.rule.version}"
    return Event(contact=identity.contact, identity=identity, kind=kind, occurred_at=at, data=details, cause=cause)


@transaction.atomic
def add_tag(
    contact: Contact, tag: Tag, *, by: User | None = None, conversation: Conversation | None = None, message: Message | None = None
) -> TagAssignment:
    """Put a tag by hand or by an automation; the one that is there is returned when the contact has it."""
    now = clock.now()
    record = record_behind(conversation.identity) if conversation is not None else contact.pk
    row = TagAssignment(contact_id=record, tag=tag, by=by, conversation=conversation, message=message, assigned_at=now)
    added = _insert([row])
    if added:
        events.record([_added_event(row, now)])
        return row
    return TagAssignment.objects.get(contact=record, tag=tag, removed_at=None)


@transaction.atomic
def remove_tag(assignment: TagAssignment, *, by: User | None) -> bool:
    """Take a tag off; the row stays as a label of the rule's quality. False when it was off already.

    Of somebody who was merged it goes from all their records: people see it once.
    """
    now = clock.now()
    if not TagAssignment.objects.filter(pk=assignment.pk, removed_at=None).update(removed_at=now, removed_by=by):
        return False
    assignment.removed_at, assignment.removed_by = now, by
    others = TagAssignment.objects.filter(contact__in=family_ids(assignment.contact_id), tag=assignment.tag_id, removed_at=None)
    for other in others:
        _take_off(other, by, now)
    _tell_removed(assignment, now)
    return True


def _take_off(assignment: TagAssignment, by: User | None, now: datetime) -> None:
    if TagAssignment.objects.filter(pk=assignment.pk, removed_at=None).update(removed_at=now, removed_by=by):
        _tell_removed(assignment, now)


def _tell_removed(assignment: TagAssignment, now: datetime) -> None:
    details = {"tag": assignment.tag.slug, "assignment": assignment.pk}
    details |= {"rule": assignment.rule_id, "rule_version": assignment.rule_version}
    events.record([Event(contact_id=assignment.contact_id, kind="tag.removed", occurred_at=now, data=details)])


def try_rule(rule: TagRule, *, limit: int = 1000) -> list[tuple[Message, list[Hit]]]:
    """What `rule`, saved or not, finds in the newest `limit` inbound texts; silenced hits too. Writes nothing."""
    matcher = Matcher([rules.keyword_rule(rule)])
    said = Message.objects.filter(direction=Message.Direction.IN).exclude(text="", block=None)
    texts = said.select_related("conversation__identity__contact")
    tried = ((message, matcher.explain(message.text)) for message in texts.order_by("-id")[:limit])
    return [(message, hits) for message, hits in tried if hits]


@transaction.atomic
def save_rule(rule: TagRule) -> TagRule:
    """Save; a change of what the rule means begins a new version, counted from the stored one so that two editors never share a number."""
    if rule.pk:
        stored = TagRule.objects.select_for_update().get(pk=rule.pk)
        changed = any(getattr(stored, name) != getattr(rule, name) for name in _MEANING)
        rule.version = stored.version + 1 if changed else stored.version
    rule.save()
    transaction.on_commit(rules.forget)
    return rule
