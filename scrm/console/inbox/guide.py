"""The first steps of a new installation, each as far as it really is: read from the data at every look, never remembered.

Only that somebody wants to see it no more is kept, in a cookie of their browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from scrm.automation.models import Rule
from scrm.connections.models import Connection
from scrm.conversations.models import Message
from scrm.staff.models import User
from scrm.sync.models import ExternalRecord

HIDDEN = "console_guide"
NEEDED = ("connections.add_connection", "staff.add_user", "automation.change_rule")
HIDDEN_FOR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Step:
    """`state` todo, begun or done; `link` is empty for somebody who may not do it."""

    name: str
    icon: str
    title: str | Promise
    text: str | Promise
    state: str
    link: str
    action: str | Promise

    @property
    def done(self) -> bool:
        return self.state == "done"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is there: a channel, a message from a customer, a CRM, a record in it, colleagues, a rule, one that is switched on."""

    channel: bool
    heard: bool
    crm: bool
    written: bool
    colleagues: bool
    rule: bool
    enabled: bool


def _facts(user: User) -> Facts:
    """In one statement: the page is the first one of the day for everybody."""
    asked: list[QuerySet[Any]] = [
        Connection.objects.filter(kind=Connection.Kind.CHANNEL),
        Message.objects.filter(direction=Message.Direction.IN),
        Connection.objects.filter(kind=Connection.Kind.CRM),
        ExternalRecord.objects.all(),
        User.objects.filter(~Q(pk=user.pk), is_active=True, is_staff=True),
        Rule.objects.all(),
        Rule.objects.filter(enabled=True),
    ]
    return Facts(*User.objects.filter(pk=user.pk).values_list(*(Exists(rows) for rows in asked))[0])


def shown(request: HttpRequest) -> list[Step]:
    """The steps for this person; none when all is done, when they can do none of what is left, or when they put the guide away."""
    asked_for = request.GET.get("guide") == "1"
    if request.COOKIES.get(HIDDEN) and not asked_for:
        return []
    if not any(request.user.has_perm(permission) for permission in NEEDED):
        return []
    facts = _facts(request.user)  # type: ignore[arg-type]  # whoever has a right is logged in
    steps = [_channel(request, facts), _crm(request, facts), _staff(request, facts), _rule(request, facts)]
    open_to_them = any(step.link and not step.done for step in steps)
    return steps if open_to_them or (asked_for and any(step.link for step in steps)) else []


def _link(request: HttpRequest, permission: str, address: str) -> str:
    return reverse(address) if request.user.has_perm(permission) else ""


def _channel(request: HttpRequest, facts: Facts) -> Step:
    state = "done" if facts.channel and facts.heard else "begun" if facts.channel else "todo"
    text = {
        "todo": _("WhatsApp or LINE: what customers write arrives here, and your answers go out."),
        "begun": _("Connected, but nothing has arrived yet. Write to the number from your own phone."),
        "done": _("Customers' messages arrive."),
    }[state]
    return Step(
        "channel", "forum", _("Connect a channel"), text, state, _link(request, "connections.add_connection", "console:setup"), _("Connect")
    )


def _crm(request: HttpRequest, facts: Facts) -> Step:
    state = "done" if facts.crm and facts.written else "begun" if facts.crm else "todo"
    text = {
        "todo": _("Contacts and conversations reach the CRM that you already have."),
        "begun": _("Connected, but nothing is in step yet. Go through its fields and switch it on."),
        "done": _("Contacts are in step with the CRM."),
    }[state]
    return Step(
        "crm", "sync_alt", _("Connect your CRM"), text, state, _link(request, "connections.add_connection", "console:setup"), _("Connect")
    )


def _staff(request: HttpRequest, facts: Facts) -> Step:
    state = "done" if facts.colleagues else "todo"
    text = _("Colleagues can log in.") if state == "done" else _("Each with a name that customers see, a role and a team.")
    return Step(
        "staff",
        "group_add",
        _("Invite colleagues"),
        text,
        state,
        _link(request, "staff.add_user", "admin:staff_user_add"),
        _("Add somebody"),
    )


def _rule(request: HttpRequest, facts: Facts) -> Step:
    state = "done" if facts.enabled else "begun" if facts.rule else "todo"
    text = {
        "todo": _("Questions such as 'Where is my parcel?' answer themselves. A rule can be tried on past messages first."),
        "begun": _("There are rules, but none is switched on. Try one on past messages, then switch it on."),
        "done": _("Automation answers; 'Why?' shows each decision."),
    }[state]
    permission = "automation.change_rule"
    return Step(
        "rule",
        "smart_toy",
        _("Switch on the first rule"),
        text,
        state,
        _link(request, permission, "admin:automation_rule_changelist"),
        _("Rules"),
    )
