"""The one way to write a person's fields, for every source: staff, chats, CRMs, imports, partners, the geocoder.

`offer` says who says what of whom since when; `fields_rules` decides; what is decided is written with its provenance, in a few
statements however many offers there are. A difference that a person should see becomes a `FieldConflict`, which `confirm`, `revert`
or `make_rule` decides.

Sources: `person`, `channel:<slug>`, `crm:<slug>`, `import:<id>`, `api:<token id>`, `geocoder`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext as _

from scrm.contacts import differences, events, overlay
from scrm.contacts.differences import Raised
from scrm.contacts.differences import confirm as confirm
from scrm.contacts.differences import make_rule as make_rule
from scrm.contacts.differences import revert as revert
from scrm.contacts.fields_rules import CREATED as CREATED
from scrm.contacts.fields_rules import PERSON, Prefer, Value, Verdict, Word, judge, same
from scrm.contacts.models import Contact, Event, FieldRule
from scrm.contacts.records import PERSON_FIELDS as PERSON_FIELDS
from scrm.contacts.records import Unfit, cleaned, is_field, ms, put_standing, standing_of
from scrm.contacts.records import note_making as note_making
from scrm.core import clock


@dataclass(frozen=True, slots=True)
class Offer:
    """`values`: {field: value} that `source` says of `contact` since `at`. `by`: the user's name, for people to read.

    `blanks_count`: an empty value clears the field; else it says nothing. A source that has compared its values with what it said before
    names the fields that are `news`, although it may once have said the same, and those that it changed `knowing` what stands here: these
    are taken without a question.
    """

    contact: Contact | int
    values: Mapping[str, Any]
    source: str
    at: datetime
    by: str = ""
    blanks_count: bool = False
    news: Collection[str] = ()
    knowing: Collection[str] = ()

    @property
    def contact_id(self) -> int:
        return self.contact if isinstance(self.contact, int) else self.contact.pk


@dataclass(slots=True)
class Outcome:
    """What became of one offer, by field.

    `taken`: {field: (before, after)}; `refused`: {field: why, in words}; `asked`: fields that wait for review; `gone`: no such person.
    """

    contact_id: int
    taken: dict[str, tuple[Value, Value]] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    gone: bool = False


def offer(offers: Sequence[Offer], *, also_locked: Iterable[int] = ()) -> list[Outcome]:
    """Judge and write; one outcome an offer, in order. Safe to repeat: a source that says the same again changes nothing.

    Locks the people in one order. `also_locked`: further people whom the caller will lock in this transaction.
    """
    if not offers:
        return []
    with transaction.atomic():
        family = overlay.load({each.contact_id for each in offers}, also_locked=also_locked)
        rules = rules_in_force()
        work = _Work(family, rules, _users(offers))
        outcomes = [work.hear(each) for each in offers]
        work.write()
    return outcomes


def rules_in_force() -> dict[str, Prefer]:
    return dict(FieldRule.objects.values_list("field", "prefer"))  # type: ignore[arg-type]


def is_news(contact: Contact, name: str, value: Value, source: str) -> bool:
    """Whether the source says something of this field that it has not said before. Asks the row in memory only."""
    held, said = overlay.own_entry(contact, name)
    if said is None:
        # Before anything was noted of a field, what it holds may come from anybody.
        return not same(held, value)
    before = said.get("seen", {}).get(source)
    return before is None or before[0] != value


class _Work:
    """The people of one call: their own records are changed, and what has changed is written at the end."""

    def __init__(self, family: overlay.Family, rules: Mapping[str, Prefer], users: Collection[int]) -> None:
        self._family = family
        self._rules = rules
        self._users = users
        self._clock = ms(clock.now())
        self._taken: dict[int, list[tuple[Offer, list[str]]]] = {}
        self._raised: list[Raised] = []

    def hear(self, given: Offer) -> Outcome:
        outcome = Outcome(given.contact_id)
        record = self._family.records.get(given.contact_id)
        if record is None:
            outcome.gone = True
            return outcome
        for name, value in given.values.items():
            self._hear_field(record, name, value, given, outcome)
        if outcome.taken:
            self._taken.setdefault(record.pk, []).append((given, list(outcome.taken)))
        return outcome

    def _hear_field(self, record: Contact, name: str, value: Any, given: Offer, outcome: Outcome) -> None:
        try:
            word = Word(
                self._fit(name, value),
                given.source,
                ms(given.at),
                given.by,
                given.blanks_count,
                news=name in given.news or name in given.knowing,
                knowing=name in given.knowing,
            )
        except Unfit as error:
            outcome.refused[name] = str(error)
            return
        before = standing_of(record, name)
        ruling = judge(before, word, clock=self._clock, prefer=self._rules.get(name, ""))
        outcome.verdicts[name] = ruling.verdict
        if ruling.question:
            outcome.asked.add(name)
        if ruling.after is not None and ruling.after != before:
            put_standing(record, name, ruling.after)
            self._family.changed.setdefault(record.pk, set()).add(name)
        if ruling.verdict is Verdict.TAKEN and ruling.after is not None:
            outcome.taken[name] = (before.value, ruling.after.value)
        if ruling.settles or ruling.question or ruling.verdict in (Verdict.TAKEN, Verdict.AGREED):
            self._raised.append(Raised(record.pk, name, before, word, ruling))

    def _fit(self, name: str, value: Any) -> Value:
        if not is_field(name):
            raise Unfit(_("there is no field “%(name)s”") % {"name": name})
        fit = cleaned(name, value)
        if name == "owner" and fit is not None and fit not in self._users:
            raise Unfit(_("there is no such user"))
        return fit

    def write(self) -> None:
        now = clock.now()
        overlay.write(self._family, touched=self._taken, at=now)
        differences.note(self._raised, at=now)
        events.record([self._event(pk, said, now) for pk, each in self._taken.items() for said in _together(each)])

    @staticmethod
    def _event(pk: int, said: tuple[Offer, list[str]], now: datetime) -> Event:
        given, names = said
        data = {"fields": names, "by": given.by} | ({"source": given.source} if given.source != PERSON else {})
        return Event(contact_id=pk, kind="contact.changed", occurred_at=now, data=data)


def _together(offers: Sequence[tuple[Offer, list[str]]]) -> list[tuple[Offer, list[str]]]:
    """One event a contact and source: the last offer with all fields that the source's offers changed."""
    found: dict[tuple[str, str], tuple[Offer, list[str]]] = {}
    for given, names in offers:
        known = found.get((given.source, given.by), (given, []))[1]
        found[given.source, given.by] = (given, list(dict.fromkeys([*known, *names])))
    return list(found.values())


def _users(offers: Iterable[Offer]) -> set[int]:
    """Which of the users whom the offers name as owners there are."""
    named = {getattr(value, "pk", value) for each in offers if (value := each.values.get("owner"))}
    wanted = {pk for pk in named if isinstance(pk, int)}
    return set(get_user_model().objects.filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else set()
