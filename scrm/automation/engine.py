"""Asks the rules about events, a batch at a time, and records every evaluation.

All enabled rules of a trigger are asked together, in their order, at the longest settle time among them: 'order' and 'no further
rules after a match' would mean nothing for rules that are asked at different moments. An event is evaluated once by each
rule; the run, the action's effects and the event's delivery commit together.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TypeAlias

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Prefetch

from scrm.automation.actions import ACTIONS
from scrm.automation.actions.contract import CannotAct, Occasion, Outcome, PreparedAction, outcome_of
from scrm.automation.models import Rule, Run
from scrm.automation.triggers import TRIGGERS
from scrm.connections.models import Connection
from scrm.connections.work_sentences import BROKE_OFF_ACTING
from scrm.contacts import conditions, events, family
from scrm.contacts.conditions import Explained, Facts, Fault
from scrm.contacts.models import Event
from scrm.conversations.models import Conversation, Message
from scrm.conversations.services import Draft, queue_many
from scrm.core import clock
from scrm.core.logs import trail
from scrm.core.rows import insert_all

logger = logging.getLogger(__name__)

RECHECK_SECONDS = 1.0
# An answer holds its person and the day's counter until the batch commits (about 0.1 s); agents and arriving messages wait for both.
BATCH = 120
# Two batches of different people at a time: with one, a second core waits while the rules are weighed.
LANES = 2
HISTORY = timedelta(days=3)
_TAKEN_OVER = frozenset({"order.placed", "deal.changed", "case.changed"})
_settle_times: dict[str, int] = {}
_settle_checked_at = float("-inf")


def rules_by_trigger() -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in Rule.objects.filter(enabled=True).order_by("order", "id"):
        found.setdefault(rule.trigger, []).append(rule)
    return found


def settle(event: Event) -> timedelta | None:
    """How long an event waits for related ones: the longest wait among the enabled rules of its trigger; None when there is no such rule.

    A rule that is switched on is heeded by every process a second later.
    """
    seconds = _settle_seconds().get(event.kind)
    return None if seconds is None else timedelta(seconds=seconds)


def longest_settle() -> timedelta:
    return timedelta(seconds=max(_settle_seconds().values(), default=0))


def _settle_seconds() -> dict[str, int]:
    global _settle_times, _settle_checked_at
    mono = time.monotonic()
    if mono - _settle_checked_at >= getattr(settings, "RULES_RECHECK_SECONDS", RECHECK_SECONDS):
        general = settings.RULE_SETTLE_SECONDS
        waits: dict[str, int] = {}
        for trigger, seconds in Rule.objects.filter(enabled=True).values_list("trigger", "settle_seconds"):
            waits[trigger] = max(waits.get(trigger, 0), general if seconds is None else seconds)
        _settle_times, _settle_checked_at = waits, mono
    return _settle_times


def forget() -> None:
    """Look at the rules' waits again at the next event in this process."""
    global _settle_checked_at
    _settle_checked_at = float("-inf")


@events.consumer("automation", kinds=TRIGGERS, delay=settle, batch=BATCH, by_kind=True, lanes=LANES, longest=longest_settle)
def handle(batch: list[Event]) -> None:
    """Evaluate all rules for a batch. People are taken in one order everywhere, so that two batches cannot wait for each other."""
    rules = rules_by_trigger()
    asked = [event for event in batch if event.kind in rules and not _is_history(event)]
    if not asked:
        return
    occasions = sorted(_facts_of(asked), key=lambda facts: (facts.contact.pk, facts.event.occurred_at, facts.event.pk))
    faults = {rule.pk: conditions.check(rule.conditions) for rule in _used(rules, asked)}
    conditions.load([rule.conditions for rule in _used(rules, asked) if not faults[rule.pk]], occasions)
    judged = [each for facts in occasions for each in _judge(rules[facts.event.kind], faults, facts)]
    _prepare([occasion for _, occasion in judged if occasion is not None])
    asked_for = [_done(run, occasion) for run, occasion in judged]
    _queue(asked_for)
    insert_all(Run, [run for run, _ in judged])


def _is_history(event: Event) -> bool:
    """An order, deal or case of days ago that arrives now was taken over from elsewhere: nobody waits for an answer to it."""
    return event.kind in _TAKEN_OVER and event.occurred_at < clock.now() - HISTORY


def _used(rules: dict[str, list[Rule]], asked: Iterable[Event]) -> Iterator[Rule]:
    for kind in {event.kind for event in asked}:
        yield from rules[kind]


def _facts_of(batch: Sequence[Event]) -> list[Facts]:
    """Each event with its message, conversation and present contact, in a handful of queries."""
    now = clock.now()
    # No action calls a platform, so nothing is decrypted.
    numbers = Connection.objects.defer("secrets")
    shown_with = Message.objects.select_related("conversation__identity__contact")
    messages = shown_with.prefetch_related(Prefetch("conversation__connection", numbers)).in_bulk(_ids(batch, "message"))
    bare = [event for event in batch if event.data.get("message") not in messages]
    talks = Conversation.objects.select_related("identity__contact").prefetch_related(Prefetch("connection", numbers))
    conversations = talks.in_bulk(_ids(bare, "conversation"))
    behind = [_behind(event, messages, conversations) for event in batch]
    survivors = family.current({event.contact_id for event, (_, talk) in zip(batch, behind, strict=True) if talk is None})
    found = []
    for event, (message, conversation) in zip(batch, behind, strict=True):
        # Identities move when people are joined or separated; the event keeps whom it was about at the time.
        contact = conversation.identity.contact if conversation is not None else survivors[event.contact_id]
        found.append(Facts(contact, now, conversation, message, event))
    return found


def _behind(
    event: Event, messages: Mapping[int, Message], conversations: Mapping[int, Conversation]
) -> tuple[Message | None, Conversation | None]:
    """The message and the conversation that an event names, as far as they are there."""
    message = messages.get(event.data.get("message") or 0)
    return message, message.conversation if message is not None else conversations.get(event.data.get("conversation") or 0)


def _ids(batch: Iterable[Event], name: str) -> list[int]:
    return sorted({event.data[name] for event in batch if event.data.get(name)})


# A run, and what its rule is to act on when its conditions hold.
Judged: TypeAlias = "tuple[Run, Occasion | None]"
Acted: TypeAlias = "tuple[Run, Draft | None]"


def _queue(acted: Sequence[Acted]) -> None:
    """The batch's messages together; when one of them cannot be queued, each by itself, so that it fails alone."""
    wanted = [(run, draft) for run, draft in acted if draft is not None]
    if not wanted:
        return
    try:
        with transaction.atomic():
            queued = queue_many([draft for _, draft in wanted])
    except (OperationalError, InterfaceError):
        raise
    except Exception as problem:
        logger.warning("%s messages could not be queued together: %s", len(wanted), trail(problem))
        for run, draft in wanted:
            _queue_one(run, draft)
        return
    for (run, _), result in zip(wanted, queued, strict=True):
        _note(run, outcome_of(result, run.result))


def _queue_one(run: Run, draft: Draft) -> None:
    try:
        with transaction.atomic():
            (result,) = queue_many([draft])
    except (OperationalError, InterfaceError):
        raise
    except Exception as problem:
        logger.warning("rule %s failed for event %s: %s", run.rule_id, run.event_id, trail(problem))
        _note(run, _broken_off(problem))
    else:
        _note(run, outcome_of(result, run.result))


def _note(run: Run, outcome: Outcome) -> None:
    run.verdict, run.result = outcome.verdict, outcome.result


def _judge(rules: Sequence[Rule], faults: Mapping[int, Sequence[Fault]], facts: Facts) -> Iterator[Judged]:
    """Ask the rules about one event. Nothing is done yet: the actions of a batch read what they need together."""
    answered_by: Rule | None = None
    for rule in rules:
        if errors := faults[rule.pk]:
            yield _run(rule, facts, Run.Verdict.FAILED, (), _unusable(errors)), None
            continue
        explained = conditions.evaluate(rule.conditions, facts)
        if not explained.truth:
            yield _run(rule, facts, Run.Verdict.NOT_MATCHED, explained), None
        elif answered_by is not None:
            yield _run(rule, facts, Run.Verdict.STOPPED, explained, {"by": answered_by.name, "rule": answered_by.pk}), None
        else:
            answered_by = rule if rule.stop_processing else None
            occasion = Occasion(rule, facts.event, facts.contact, facts.conversation, facts.message, facts.now)
            yield _run(rule, facts, Run.Verdict.DONE, explained), occasion


def _run(rule: Rule, facts: Facts, verdict: str, explained: Explained | tuple[()], result: dict[str, object] | None = None) -> Run:
    trace = [leaf.as_json() for leaf in explained.leaves] if isinstance(explained, Explained) else []
    return Run(
        rule=rule,
        rule_version=rule.version,
        event=facts.event,
        contact=facts.contact,
        verdict=verdict,
        trace=trace,
        result=result or {},
        evaluated_at=facts.now,
    )


def _unusable(faults: Sequence[Fault]) -> dict[str, object]:
    """In English, and as what makes the same in the reader's language."""
    return {"error": " ".join(faults), "faults": [{"text": fault.text, "values": dict(fault.values)} for fault in faults]}


def _prepare(occasions: Sequence[Occasion]) -> None:
    """Let each action that knows how read for its whole batch. One that cannot reads for each occasion by itself."""
    by_action: dict[str, list[Occasion]] = {}
    for occasion in occasions:
        by_action.setdefault(occasion.rule.action, []).append(occasion)
    for name, group in by_action.items():
        action = ACTIONS.get(name)
        if not isinstance(action, PreparedAction):
            continue
        try:
            with transaction.atomic():
                action.prepare(group)
        except (OperationalError, InterfaceError):
            raise
        except Exception as problem:
            logger.warning("action %s reads for each occasion by itself: %s", name, trail(problem))


def _done(run: Run, occasion: Occasion | None) -> Acted:
    """Do what a run asks for, and note in it what came of it."""
    if occasion is None:
        return run, None
    outcome = _act(occasion)
    _note(run, outcome)
    return run, outcome.draft


def _act(occasion: Occasion) -> Outcome:
    """Do the rule's action in a savepoint: one that fails leaves nothing behind and stops nobody else."""
    rule = occasion.rule
    try:
        action = ACTIONS.get(rule.action)
        if action is None:
            raise CannotAct(f"There is no action {rule.action!r}.")
        with transaction.atomic():
            return action.run(occasion)
    except (OperationalError, InterfaceError):
        # The database, not the rule: the whole batch is tried again.
        raise
    except CannotAct as problem:
        return Outcome(Run.Verdict.FAILED, {"error": str(problem)})
    except Exception as problem:
        logger.warning("rule %s failed for event %s: %s", rule.pk, occasion.event.pk, trail(problem))
        return _broken_off(problem)


def _broken_off(problem: Exception) -> Outcome:
    return Outcome(Run.Verdict.FAILED, {"error": f"{BROKE_OFF_ACTING}: {type(problem).__name__}: {problem}"[:500]})
