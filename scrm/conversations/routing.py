"""Who answers, and until when: every waiting conversation gets a team, a time until which its answer is due, and somebody to give it.

Three sweeps, each a page at a time, each safe to run twice and side by side:

* `plan`: the team and the due time of each new wait, counted in the team's business hours.
* `assign_waiting`: those without anybody, to a member of their team who is here with room. The team's row is locked while one is chosen, so
  that two workers never give one person two conversations for one place, and turns are really taken in turn.
* `note_breaches`: what became overdue is marked once, told on the timeline and to the supervisors.

What a person decided stays: who is assigned by hand keeps the conversation, and a team chosen by hand is not changed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext_noop

from scrm.connections.alerts import close_alert, raise_alert
from scrm.contacts import events
from scrm.contacts.models import Event
from scrm.conversations.models import Conversation
from scrm.conversations.threads import locked, touch
from scrm.core import clock
from scrm.staff import services as staff
from scrm.staff.choosing import Agent, Desk, Need, choose_agent, choose_desk
from scrm.staff.hours import ALWAYS, Hours
from scrm.staff.models import Team, User

logger = logging.getLogger(__name__)

PAGE = 200
ALERT = "overdue"
OVERDUE = gettext_noop("Answers are overdue")
OVERDUE_ADVICE = gettext_noop("Open the queue of overdue conversations in the inbox.")

# What apps above this one know of people that decides who answers: {contact: words}, such as their tags.
Skills = Callable[[Collection[int]], Mapping[int, Collection[str]]]
_skills: list[Skills] = []


def register_skills(known: Skills) -> None:
    _skills.append(known)


class Board:
    """The teams as they are now, read once a sweep."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.teams = {team.pk: team for team in Team.objects.select_related("hours").prefetch_related("numbers").order_by("pk")}
        self.hours = {pk: team.hours.as_hours() if team.hours else ALWAYS for pk, team in self.teams.items()}
        self.desks = [self._desk(team) for team in self.teams.values() if team.takes_new]

    def _desk(self, team: Team) -> Desk:
        numbers = frozenset(number.pk for number in team.numbers.all())
        return Desk(team.pk, numbers, frozenset(team.languages), frozenset(team.skills), self.hours[team.pk].is_open(self.now))

    def hours_of(self, team_id: int | None) -> Hours:
        return self.hours.get(team_id or 0, ALWAYS)

    def due_at(self, team_id: int | None, since: datetime) -> datetime | None:
        """When the answer to a wait is due; None when the team never opens that long."""
        team = self.teams.get(team_id or 0)
        own = team.first_response_minutes if team is not None else None
        minutes = own if own is not None else settings.POLICY["first_response_minutes"]
        return self.hours_of(team_id).after(since, minutes * 60)


def needs_of(rows: Sequence[Conversation]) -> dict[int, Need]:
    """What each conversation asks for; a handful of statements for all."""
    people = {row.identity.contact_id for row in rows}
    words: dict[int, set[str]] = {pk: set() for pk in people}
    for known in _skills:
        for pk, found in known(people).items():
            words[pk] |= set(found)
    before = Conversation.objects.filter(identity__contact__in=people, status="closed", assignee__isnull=False)
    last = dict(before.order_by("closed_at", "pk").values_list("identity__contact", "assignee"))
    return {
        row.pk: Need(
            row.connection_id,
            row.identity.contact.language,
            frozenset(words[row.identity.contact_id]),
            last.get(row.identity.contact_id),
        )
        for row in rows
    }


def plan() -> int:
    """Give the new waits their team and their due time. Returns how many."""
    rows = list(Conversation.objects.unplanned().select_related("identity__contact")[:PAGE])
    if not rows:
        return 0
    board = Board(clock.now())
    needs = needs_of(rows) if board.desks else {}
    for row in rows:
        desk = choose_desk(board.desks, needs[row.pk]) if row.team_id is None and board.desks else None
        team_id = row.team_id or (desk.pk if desk else None)
        wait = Conversation.objects.filter(pk=row.pk, waiting_since=row.waiting_since, team=row.team_id)  # type: ignore[misc]
        due_at = board.due_at(team_id, row.waiting_since) if row.waiting_since else None
        wait.update(team_id=team_id, due_at=due_at, due_for=row.waiting_since, breached_at=None)
    touch([row.pk for row in rows])
    return len(rows)


def assign_waiting() -> int:
    """Give waiting conversations that nobody has to people who are here. Returns how many found somebody."""
    teams = [team.pk for team in Team.objects.filter(takes_new=True)]
    if not teams:
        return 0
    rows = list(Conversation.objects.owed().filter(assignee=None, team__in=teams).select_related("identity__contact")[:PAGE])
    needs = needs_of(rows) if rows else {}
    full: set[int] = set()
    done = 0
    for row in rows:
        if row.team_id in full:
            continue
        if give(row.pk, needs[row.pk]):
            done += 1
        elif row.team_id is not None:
            full.add(row.team_id)
    return done


def give(pk: int, need: Need) -> bool:
    """To one of the team. False when nobody is free; a conversation that meanwhile needs nobody counts as done."""
    with transaction.atomic():
        conversation = locked(pk)
        if conversation.assignee_id is not None or conversation.status != "open" or conversation.waiting_since is None:
            return True
        team = _locked_team(conversation.team_id or 0)
        if team is None:
            return True
        now = clock.now()
        agent = choose_agent(_agents(team, now), need)
        if agent is None:
            return False
        touch([pk], assignee=agent.pk)
        User.objects.filter(pk=agent.pk).update(last_assigned_at=now)
        _tell(conversation, "conversation.assigned", to=User.objects.get(pk=agent.pk).username, by="routing", team=team.name)
    return True


def _locked_team(pk: int) -> Team | None:
    """One chooses at a time in each team, until the transaction ends."""
    return Team.objects.select_for_update().filter(pk=pk).first()


def _agents(team: Team, now: datetime) -> list[Agent]:
    """The team's members as they stand under its lock."""
    members = list(team.members.filter(is_active=True, is_staff=True))
    here = staff.here((member.pk for member in members), now)
    open_ones = Conversation.objects.open().filter(assignee__in=members).order_by()
    load = dict(open_ones.values_list("assignee").annotate(number=Count("pk")))
    return [
        Agent(
            member.pk,
            member.pk in here,
            load.get(member.pk, 0),
            member.capacity,
            frozenset(member.languages),
            frozenset(member.skills),
            *([member.last_assigned_at] if member.last_assigned_at else []),
        )
        for member in members
    ]


def note_breaches() -> int:
    """Mark what became overdue since the last look; one alert stands while anything is. Returns how many are new."""
    now = clock.now()
    rows = list(Conversation.objects.overdue(now).filter(breached_at=None).select_related("identity")[:PAGE])
    with transaction.atomic():
        marked = [
            row for row in rows if Conversation.objects.filter(pk=row.pk, breached_at=None, due_for=row.due_for).update(breached_at=now)
        ]
        touch([row.pk for row in marked])
        events.record([_event(row, "conversation.overdue", now, due=row.due_at.isoformat() if row.due_at else "") for row in marked])
    _keep_alert(now)
    return len(marked)


def _keep_alert(now: datetime) -> None:
    number = Conversation.objects.overdue(now).order_by()[: PAGE + 1].count()
    if not number:
        close_alert(ALERT)
        return
    shown = f"{PAGE}+" if number > PAGE else str(number)
    raise_alert(ALERT, text=f"{OVERDUE}: {shown}", advice=OVERDUE_ADVICE)


def transfer(conversation: Conversation, *, to: User | None = None, team: Team | None = None, note: str = "", by: User) -> None:
    """Hand it over to a colleague or a team, with words for them. To a team: whoever of it is free gets it."""
    from scrm.conversations.services import add_note

    with transaction.atomic():
        row = locked(conversation)
        chosen: dict[str, object] = {"assignee": to}
        if team is not None:
            # The target of the new team counts from when the customer began to wait.
            chosen |= {"team": team, "due_for": None, "due_at": None}
        touch([row.pk], **chosen)
        if note.strip():
            add_note(row, text=note, by=by)
        _tell(row, "conversation.transferred", by=by.username, to=to.username if to else "", team=team.name if team else "")


def _tell(conversation: Conversation, kind: str, **words: str) -> None:
    events.record([_event(conversation, kind, clock.now(), **words)])


def _event(conversation: Conversation, kind: str, at: datetime, **words: str) -> Event:
    identity = conversation.identity
    said = {name: word for name, word in words.items() if word}
    return Event(
        contact_id=identity.contact_id, identity_id=identity.pk, kind=kind, occurred_at=at, data={"conversation": conversation.pk, **said}
    )


def resolve_by(conversation: Conversation) -> datetime | None:
    """Until when it should be closed, by its team's target in business hours from its opening; None without a target or once closed."""
    team = conversation.team
    if team is None or not team.resolution_hours or conversation.status == "closed":
        return None
    hours = team.hours.as_hours() if team.hours else ALWAYS
    return hours.after(conversation.opened_at, team.resolution_hours * 3600)
