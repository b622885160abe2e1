"""A shop with two teams, and a row of every model on each side: what one team's agent may open is what the other's may not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import models
from django.utils import timezone

from scrm.api.scopes import SCOPES, UNLIMITED
from scrm.api.services import issue_token
from scrm.contacts import merging
from scrm.contacts.models import Contact, Identity, Merge
from scrm.conversations.models import Conversation, Message
from scrm.conversations.services import start_conversation
from scrm.conversations.visibility import PATHS
from scrm.core import audit
from scrm.core.audit_models import AuditEntry
from scrm.staff import roles
from scrm.staff.models import Team, User
from tests import people

OWN, FOREIGN = "own", "foreign"
FILE = "outgoing/rights.bin"
ROLES = ("anonymous", "no-rights", "partner", "agent", "other-team", "supervisor", "administrator")
DEACTIVATED = "deactivated"
_GROUPS = {
    "partner": roles.PARTNERS,
    "agent": roles.AGENTS,
    "other-team": roles.AGENTS,
    "supervisor": roles.SUPERVISORS,
    "administrator": roles.ADMINISTRATORS,
    DEACTIVATED: roles.ADMINISTRATORS,
}
# Values that a model's own rules ask for.
GIVEN: dict[str, dict[str, Any]] = {
    "conversations.message": {"direction": "out", "state": "failed", "source": "agent", "content": {"file": FILE}},
    "conversations.messagetemplate": {"name": "order_shipped", "language": "en"},
    "contacts.duplicatecase": {"state": "open"},
    "contacts.fieldconflict": {"field": "city"},
    "contacts.fieldrule": {"field": "city"},
    "conversations.attachment": {"state": "stored", "file": FILE},
    "contacts.import": {"state": "done"},
    "staff.shift": {"ends_at": timezone.now() + timedelta(hours=8)},
    "contacts.personexport": {"state": "ready"},
}


class World:
    def __init__(self) -> None:
        if not default_storage.exists(FILE):
            default_storage.save(FILE, ContentFile(b"x"))
        self._count = itertools.count(1)
        self._rows: dict[tuple[str, str], models.Model] = {}
        roles.install()
        numbers = {OWN: people.hong_kong(), FOREIGN: people.tokyo()}
        self.teams = {side: Team.objects.create(name=side) for side in numbers}
        self.users: dict[str, User | None] = {role: self._user(role) for role in (*ROLES, DEACTIVATED)}
        for side, number in numbers.items():
            self.teams[side].numbers.add(number)
            self._customer(side, number)
        self.tokens = dict(self._tokens(numbers[OWN]))

    def _user(self, role: str) -> User | None:
        if role == "anonymous":
            return None
        user = people.agent(role, display_name=role)
        user.teams.add(self.teams[FOREIGN if role == "other-team" else OWN])
        if role in _GROUPS:
            user.groups.add(Group.objects.get(name=_GROUPS[role]))
        return user

    def _customer(self, side: str, number: Any) -> None:
        talk = start_conversation(people.customer(name=side, phone="85291230001" if side == OWN else "819012345678"), number)
        user = self.users["agent" if side == OWN else "other-team"]
        for row in (number, talk, talk.identity, talk.identity.contact, user):
            self._rows[row._meta.label_lower, side] = row  # type: ignore[union-attr]

    def _tokens(self, number: Any) -> Iterator[tuple[str, str]]:
        for scope in SCOPES:
            yield scope, issue_token(scope, [scope])[1]
        yield "own-channel", issue_token("own-channel", set(SCOPES) - UNLIMITED, channels=[number])[1]
        yield "no-scope", issue_token("no-scope", [])[1]
        yield "expired", issue_token("expired", SCOPES, timezone.now() - timedelta(minutes=1))[1]

    def row(self, model: type[models.Model], side: str) -> models.Model:
        """A row of the model that hangs on the side's customer; of a model without customers the same one for both."""
        label = model._meta.label_lower
        if label not in PATHS:
            side = OWN if (label, side) not in self._rows else side
        found = self._rows.get((label, side))
        if found is None:
            found = self._rows[label, side] = self._made(model, side)
        return found

    def _made(self, model: type[models.Model], side: str) -> models.Model:
        label = model._meta.label_lower
        if model is AuditEntry:
            return audit.record("contacts.merged", by="mei", subject=self.row(Contact, side))
        if model is Merge:
            return merging.merge(self.row(Contact, side), people.someone(), by=self.users["supervisor"])
        given = GIVEN.get(label, {})
        values = {
            field.name: given[field.name] if field.name in given else self._value(field, side)
            for field in model._meta.concrete_fields
            if field.name in given or self._is_needed(field)
        }
        row = model._default_manager.create(**values)
        if label == "contacts.duplicatecase":
            self._pair(row, side)
        return row

    def _pair(self, case: Any, side: str) -> None:
        from scrm.contacts.models import DuplicateCandidate

        mine = self.row(Contact, side)
        DuplicateCandidate.objects.create(first=mine, second=people.someone(), case=case, score=0.9, found_at=timezone.now())

    def _is_needed(self, field: Any) -> bool:
        if field.primary_key and not field.is_relation:
            return not isinstance(field, models.AutoField | models.BigAutoField)
        if field.is_relation:
            return not field.null or field.related_model in (Contact, Identity, Conversation, Message)
        return not (field.has_default() or field.null or (field.blank and isinstance(field, models.CharField | models.TextField)))

    def _value(self, field: Any, side: str) -> Any:
        number = next(self._count)
        if field.is_relation:
            return self.row(field.related_model, side)
        if field.choices:
            return next(value for value, _label in field.flatchoices)
        makers: dict[type[models.Field[Any, Any]], Any] = {
            models.DateTimeField: timezone.now(),
            models.DateField: date(2026, 11, 18) + timedelta(days=number),
            models.CharField: f"{side[:3]}{number}"[: field.max_length or 20],
            models.TextField: f"{side} {number}",
            models.JSONField: {},
            models.BooleanField: False,
            models.FloatField: 0.5,
            models.DecimalField: Decimal(1),
            models.BinaryField: b"x",
            models.FileField: "",
            models.IntegerField: number,
        }
        return next(value for kind, value in makers.items() if isinstance(field, kind))
