"""A shop with two teams: the rows that hang on a customer of each, and people of every role who log in by their password."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from scrm.automation.models import Rule, Run
from scrm.campaigns.models import Campaign, Recipient, Segment
from scrm.commerce.models import Coupon, Shipment
from scrm.commerce.services import upsert_order
from scrm.connections.models import Connection
from scrm.console.macro_models import Macro
from scrm.contacts import merging
from scrm.contacts.models import (
    Consent,
    DuplicateCandidate,
    DuplicateCase,
    Event,
    FieldConflict,
    IdentityCase,
    NumberSettlement,
    PersonExport,
)
from scrm.conversations.models import Attachment, Conversation, Decision, LaterMessage, Message, MessageTemplate
from scrm.conversations.services import start_conversation
from scrm.staff import roles
from scrm.staff.models import Team, User
from scrm.tags.models import Tag, TagAssignment
from tests import people

PASSWORD = "correct horse"
# Who logs in as what: the letter of the policy, and the side whose rows are theirs; None for who sees both.
CAST = {
    "partner": ("p", "ours"),
    "agent": ("a", "ours"),
    "other-team": ("a", "theirs"),
    "supervisor": ("s", None),
    "administrator": ("d", None),
}
_GROUPS = {"p": roles.PARTNERS, "a": roles.AGENTS, "s": roles.SUPERVISORS, "d": roles.ADMINISTRATORS}


class Shop:
    """`rows[name][side]`: the key of a row of each side, by the model's label."""

    def __init__(self) -> None:
        roles.install()
        self.numbers = {"ours": people.hong_kong(), "theirs": people.tokyo()}
        self.rows: dict[str, dict[str, int]] = {}
        self.file = default_storage.save("outgoing/access.bin", ContentFile(b"x"))
        teams = {side: Team.objects.create(name=side) for side in self.numbers}
        for side, number in self.numbers.items():
            teams[side].numbers.add(number)
        for name, (letter, side) in CAST.items():
            user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
            user.groups.add(Group.objects.get(name=_GROUPS[letter]))
            if side is not None:
                user.teams.add(teams[side])
        User.objects.create_user("no-role", password=PASSWORD, is_staff=True)
        for side in self.numbers:
            self._fill(side)

    def _fill(self, side: str) -> None:
        now, number = timezone.now(), self.numbers[side]
        ours = side == "ours"
        chat = start_conversation(people.customer(f"客人 {side}", "85291230001" if ours else "819012345678"), number)
        contact, identity = chat.identity.contact, chat.identity
        # People of whom nothing else is known: their like is merged or to be compared.
        like, unlike, double = (people.customer(f"{side} {n}", f"8526{int(ours)}00000{n}").contact for n in range(3))
        said: dict[str, Any] = {"conversation": chat, "connection": number, "sent_at": now, "created_at": now}
        message = Message.objects.create(direction="out", state="failed", source="agent", content={"file": self.file}, **said)
        file = Attachment.objects.create(message=message, kind="image", state="stored", file=self.file, due_at=now)
        rule, _made = Rule.objects.get_or_create(name="Order status asked", defaults={"action": "answer_order_status"})
        template, _made = MessageTemplate.objects.get_or_create(
            name="spring", language="en", defaults={"connection": number, "status": "APPROVED", "category": "MARKETING", "synced_at": now}
        )
        segment, _made = Segment.objects.get_or_create(name="Everybody")
        campaign, _made = Campaign.objects.get_or_create(name="Spring", defaults={"segment": segment, "template": template})
        tag, _made = Tag.objects.get_or_create(slug="vip", defaults={"name": "VIP"})
        event = Event.objects.create(contact=contact, identity=identity, kind="message.received", occurred_at=now)
        order = upsert_order(f"A-{side}", contact=contact, status="paid", currency="HKD", total=Decimal("10"), placed_at=now).order
        case = DuplicateCase.objects.create(score=0.9, proposal="review", size=2, created_at=now)
        pair = {"first": contact, "second": like, "case": case, "score": 0.9, "evidence": [], "found_at": now}
        DuplicateCandidate.objects.create(**pair)
        person = User.objects.get(username="supervisor")
        rows = [
            chat, identity, contact, message, file, event, order, case,
            Shipment.objects.create(order=order, carrier="順豐", tracking_number=f"SF-{side}"),
            Consent.objects.create(identity=identity, purpose="marketing", allowed=True, source="by_hand", at=now),
            Decision.objects.create(contact=contact, connection=number, asked_by="agent", moment="queue", verdict="allow", decided_at=now),
            Coupon.objects.create(contact=contact, code="SUMMER10", given_at=now),
            Recipient.objects.create(campaign=campaign, contact=contact),
            LaterMessage.objects.create(
                conversation=chat, kind="text", text="明天到貨", send_at=now + timedelta(days=1), created_at=now, idempotency_key=side
            ),
            TagAssignment.objects.create(contact=contact, tag=tag, assigned_at=now),
            Run.objects.create(rule=rule, rule_version=1, event=event, contact=contact, verdict="done", evaluated_at=now),
            FieldConflict.objects.create(contact=contact, field="city", kind="differs", found_at=now),
            IdentityCase.objects.create(kind="conflict", identity=identity, contact=contact, other=like, found_at=now),
            NumberSettlement.objects.create(identity=identity, raw="9123 0001", chosen="+85291230001", settled_at=now),
            PersonExport.objects.create(contact=contact, reason="asked for it", by=person, asked_at=now, state="ready", file="gone.zip"),
            merging.merge(unlike, double, by=person),
        ]  # fmt: skip
        for row in rows:
            self.rows.setdefault(row._meta.label_lower, {})[side] = row.pk
        macro, _made = Macro.objects.get_or_create(name="Thanks", defaults={"shortcut": "thanks", "text": "多謝"})
        for shared in (rule, tag, macro, segment, campaign):
            self.rows[shared._meta.label_lower] = {"ours": shared.pk, "theirs": shared.pk}
        both = {side: connection.pk for side, connection in self.numbers.items()}
        self.rows[Connection._meta.label_lower] = {"ours": both["ours"], "theirs": both["ours"]}
        assert Conversation.objects.filter(pk=chat.pk, team=None, assignee=None).exists()


def logged_in(name: str) -> Client:
    """By the page for it, as a person does it."""
    client = Client(raise_request_exception=False)
    if name:
        answer = client.post("/admin/login/", {"username": name, "password": PASSWORD})
        assert answer.status_code == 302 and "login" not in answer.headers["Location"], name
    return client
