"""What an action is: its name, the options an administrator fills in, and what it does on one occasion.

An action runs inside a savepoint of its own and may only write to the database; whatever must leave the house goes through the outbox.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from scrm.automation.models import Rule, Run
from scrm.contacts.models import Contact, Event
from scrm.conversations.models import Conversation, Decision, Message
from scrm.conversations.services import Draft, QueueResult, queue_many

OptionKind: TypeAlias = Literal["text", "long_text", "number", "yes_no", "choice"]


class CannotAct(Exception):
    """The action does not fit the occasion, for example a reply without a conversation; the text says why."""


@dataclass(frozen=True)
class ActionOption:
    """One field of the action's form. `choices` gives (value, label) pairs when the form is drawn."""

    name: str
    label: Any
    kind: OptionKind = "text"
    required: bool = True
    help: Any = ""
    choices: Callable[[], Sequence[tuple[str, Any]]] | None = None


@dataclass(frozen=True)
class Occasion:
    """One event for which a rule's conditions hold. `known` keeps what an action has read for many occasions at once."""

    rule: Rule
    event: Event
    contact: Contact
    conversation: Conversation | None
    message: Message | None
    now: datetime
    known: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def cause(self) -> str:
        return f"rule:{self.rule.pk}:v{self.rule.version}"

    def option(self, name: str) -> Any:
        return self.rule.options.get(name, "")

    def need_conversation(self) -> Conversation:
        if self.conversation is None:
            raise CannotAct("There is no conversation on this occasion.")
        return self.conversation


@dataclass(frozen=True)
class Outcome:
    """`result` is kept in the run and shown to people. A `draft` is queued with those of the whole batch; its verdict becomes the run's."""

    verdict: str = Run.Verdict.DONE
    result: dict[str, Any] = field(default_factory=dict)
    draft: Draft | None = None


class Action(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def label(self) -> Any: ...
    @property
    def options(self) -> Sequence[ActionOption]: ...

    def run(self, occasion: Occasion) -> Outcome:
        """Do it. Raise to have the rule's run marked as failed; nothing of the action is kept then."""
        ...


@runtime_checkable
class PreparedAction(Action, Protocol):
    """An action that can read for many occasions at once. `run` must do without, too."""

    def prepare(self, occasions: Sequence[Occasion]) -> None:
        """Fill `known` of the occasions. Only reads."""
        ...


_VERDICTS: Mapping[str, str] = {
    Decision.Verdict.ALLOW: Run.Verdict.DONE,
    Decision.Verdict.DEFER: Run.Verdict.DEFERRED,
    Decision.Verdict.REFUSE: Run.Verdict.BLOCKED,
}


def answer(
    occasion: Occasion, text: str, *, category: str = "service", carried: Mapping[str, Any] | None = None, **details: Any
) -> Outcome:
    """Send `text` to the customer as this rule, at most once an event; the policy's verdict becomes the run's.

    `carried`: what else the message's content is to hold.
    """
    if held_elsewhere(occasion):
        return Outcome(Run.Verdict.BLOCKED, {**details, "policy_rule": "held_elsewhere"})
    draft = _draft(occasion, text)
    return Outcome(result=details, draft=replace(draft, category=category, content={"body": text, **carried} if carried else {}))


def held_elsewhere(occasion: Occasion) -> bool:
    """The platform's own agent or another module has the chat: whatever we say would take it away from them, which only people do."""
    return occasion.message is not None and bool(occasion.message.content.get("standby"))


def answer_now(occasion: Occasion, text: str, **details: Any) -> Outcome:
    """As `answer`, for an action that goes on to change what the law would say."""
    if held_elsewhere(occasion):
        return Outcome(Run.Verdict.BLOCKED, {**details, "policy_rule": "held_elsewhere"})
    (queued,) = queue_many([_draft(occasion, text)])
    return outcome_of(queued, details)


def _draft(occasion: Occasion, text: str) -> Draft:
    return Draft(
        occasion.need_conversation(),
        source=Message.Source.RULE,
        text=text,
        cause=occasion.cause,
        event_key=f"event:{occasion.event.pk}",
        idempotency_key=f"rule:{occasion.rule.pk}:event:{occasion.event.pk}",
    )


def outcome_of(queued: QueueResult, details: Mapping[str, Any]) -> Outcome:
    """What became of a draft, as a run keeps it."""
    decision = queued.decision
    result = {**details, "message": queued.message.pk, "decision": decision.pk, "verdict": decision.verdict, "policy_rule": decision.rule}
    if decision.until is not None:
        result["until"] = decision.until.isoformat()
    return Outcome(_VERDICTS[decision.verdict], result)
