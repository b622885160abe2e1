"""How far a person or a partner sees: everything, or what reaches their teams and channels. See `conversations/visibility.py` for the rows.

A supervisor sees all customers. An agent sees a conversation that is theirs, that is their teams', or that no team has and that came in
on a number which their teams are there for. A partner's token sees its channels. Who is deactivated sees nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from django.db.models import Exists, OuterRef

from scrm.staff.models import Team, User

SEE_ALL = "staff.see_all"


@dataclass(frozen=True, slots=True)
class Sight:
    """`channels`: numbers by id, None for all but those in `apart`. `teams` None: whose team a conversation is does not matter.

    `nobodys`: people who have no conversation and no owner are seen too.
    """

    everything: bool = False
    person: int | None = None
    teams: frozenset[int] | None = frozenset()
    channels: frozenset[int] | None = frozenset()
    apart: frozenset[int] = frozenset()
    nobodys: bool = False

    @property
    def nothing(self) -> bool:
        return not self.everything and self.person is None and not self.teams and self.channels == frozenset()


EVERYTHING = Sight(everything=True)
NOTHING = Sight()


@runtime_checkable
class Seeing(Protocol):
    """Who is no user and knows its own sight, such as a partner's token."""

    def sight(self) -> Sight: ...


def sight_of(viewer: Any) -> Sight:
    """Asks the database once a viewer and request: for the teams of who does not see everything."""
    if isinstance(viewer, Seeing):
        return viewer.sight()
    if not getattr(viewer, "is_active", False) or viewer.pk is None:
        return NOTHING
    known: Sight | None = getattr(viewer, "_sight", None)
    if known is None:
        known = viewer._sight = EVERYTHING if viewer.has_perm(SEE_ALL) else _of_agent(viewer)
    return known


def _of_agent(user: User) -> Sight:
    """From all teams and their numbers, which are few: one statement for people in teams and of none."""
    mine = Exists(User.teams.through.objects.filter(team=OuterRef("pk"), user=user.pk))
    rows = list(Team.objects.order_by().annotate(mine=mine).values_list("pk", "numbers", "mine"))
    teams = frozenset(team for team, _number, member in rows if member)
    if not teams:
        # Of no team: what no team has taken for itself.
        taken = frozenset(number for _team, number, _member in rows if number is not None)
        return Sight(person=user.pk, channels=None, apart=taken, nobodys=True)
    numbers = frozenset(number for _team, number, member in rows if member and number is not None)
    everywhere = any(number is None for _team, number, member in rows if member)
    return Sight(person=user.pk, teams=teams, channels=None if everywhere else numbers, nobodys=True)
