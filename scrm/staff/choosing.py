"""Which team and which of its people a conversation goes to. Pure.

Whoever spoke with the customer last goes first while they have room; then those who share most of what is needed (language, skills),
then the one with the smallest share of their capacity taken, then the one whose turn is longest ago: round robin among equals.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Need:
    """What a conversation asks for: the number it came in on, the customer's language, their tags, who spoke with them last."""

    connection_id: int
    language: str = ""
    tags: frozenset[str] = frozenset()
    last_agent: int | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """A team. Empty `numbers`, `languages`: all of them; `skills`: tags that it is there for."""

    pk: int
    numbers: frozenset[int] = frozenset()
    languages: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()
    open: bool = True


@dataclass(frozen=True, slots=True)
class Agent:
    """`here`: present and, where there are shifts, on one. `load`: open conversations."""

    pk: int
    here: bool
    load: int
    capacity: int
    languages: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()
    last_at: datetime = field(default=_NEVER)

    @property
    def has_room(self) -> bool:
        return self.here and self.load < self.capacity


def base(language: str) -> str:
    """`zh-hant-hk` is written by whoever writes `zh`."""
    return language.lower().replace("_", "-").partition("-")[0]


def suits(desk: Desk, need: Need) -> bool:
    by_number = not desk.numbers or need.connection_id in desk.numbers
    by_language = not desk.languages or not need.language or base(need.language) in {base(each) for each in desk.languages}
    by_skill = not desk.skills or bool(desk.skills & need.tags)
    return by_number and by_language and by_skill


def choose_desk(desks: Sequence[Desk], need: Need) -> Desk | None:
    """The team that is there for most of what is needed; open ones before closed ones, then the oldest."""
    fitting = [desk for desk in desks if suits(desk, need)]

    def rank(desk: Desk) -> tuple[bool, int, bool, bool, int]:
        return (desk.open, len(desk.skills & need.tags), bool(desk.numbers), bool(desk.languages and need.language), -desk.pk)

    return max(fitting, key=rank, default=None)


def choose_agent(agents: Collection[Agent], need: Need) -> Agent | None:
    """None when nobody is here with room: the conversation waits for the next who is."""
    free = [agent for agent in agents if agent.has_room]

    def rank(agent: Agent) -> tuple[bool, bool, int, float, datetime, int]:
        speaks = not need.language or not agent.languages or base(need.language) in {base(each) for each in agent.languages}
        return (
            agent.pk != need.last_agent,
            not speaks,
            -len(agent.skills & need.tags),
            agent.load / max(agent.capacity, 1),
            agent.last_at,
            agent.pk,
        )

    return min(free, key=rank, default=None)
