"""What the inbox's templates are given: the list, the conversation on top of it, and the composer."""

from __future__ import annotations

import uuid
import zoneinfo
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property

from scrm.console import access
from scrm.console.inbox import drawing, finding, queues, thread, wording
from scrm.console.inbox.abilities import abilities_of
from scrm.contacts.models import Contact
from scrm.conversations import claims, routing
from scrm.conversations.models import Conversation
from scrm.conversations.standing import limits_of
from scrm.conversations.visibility import visible_to
from scrm.core import clock
from scrm.staff.models import Team, User

MOST_PAGES = 5
SHOWN = ("identity__contact", "connection", "assignee", "team__hours")


@dataclass(frozen=True)
class View:
    """Which queue or search a person looks at, as the address says."""

    queue: queues.Queue
    search: str
    user: User
    pages: int = 1

    @classmethod
    def of(cls, request: HttpRequest) -> View:
        pages = request.GET.get("pages", "1")
        wanted = min(int(pages), MOST_PAGES) if pages.isdecimal() and len(pages) < 3 else 1
        search = request.GET.get("q", "").replace("\x00", "").strip()[:100]
        return cls(queues.queue_named(request.GET.get("queue", "")), search, access.person(request), max(wanted, 1))

    @cached_property
    def claims(self) -> list[claims.Held]:
        """Who answers where just now."""
        return claims.standing()

    @cached_property
    def found(self) -> list[finding.Found]:
        return finding.find(self.search, self.user)

    def page(self, after: str = "") -> queues.Page:
        return queues.page_of(self.queue, self.user, after=after, size=queues.PAGE * self.pages)

    def context(self, on: Conversation | None = None, *, after: str = "") -> dict[str, Any]:
        """The list column, with the open conversation marked; a search looks everywhere, whatever the queue."""
        if self.search and not after:
            return self._rows(self.found, self.search, "", on)
        page = self.page(after)
        return self._rows([finding.Found(row) for row in page.rows], "", page.older, on)

    def _rows(self, found: list[finding.Found], search: str, older: str, on: Conversation | None) -> dict[str, Any]:
        others = {claim.conversation: claim.name for claim in self.claims if claim.holder != self.user.pk}
        rows = drawing.Rows.of(self.queue.slug, search, on, others)
        return {"queue": self.queue, "search": search, "rows": [rows.row(item) for item in found], "older": older}


def conversation_named(pk: int, user: User) -> Conversation | None:
    """None too when it is no conversation of this person's."""
    return visible_to(Conversation.objects.select_related(*SHOWN), user).filter(pk=pk).first()


def window_open(conversation: Conversation) -> bool:
    """True while free text may go: always on a platform without a window."""
    if not limits_of(conversation.connection).has_window:
        return True
    return conversation.window_expires_at is not None and clock.now() < conversation.window_expires_at


def composer_mode(conversation: Conversation) -> str:
    """text, or template when only a template may go."""
    return "text" if window_open(conversation) else "template"


def colleagues() -> list[tuple[int, str]]:
    """Whom a conversation can be given to; at most half a minute old."""
    known: list[tuple[int, str]] | None = cache.get("console-colleagues")
    if known is None:
        people = User.objects.filter(is_active=True, is_staff=True).order_by("display_name", "username")[:100]
        known = [(user.pk, str(user)) for user in people]
        cache.set("console-colleagues", known, 30)
    return known


def teams() -> list[tuple[int, str]]:
    """The teams that a conversation can be handed to; at most half a minute old."""
    known: list[tuple[int, str]] | None = cache.get("console-teams")
    if known is None:
        known = list(Team.objects.order_by("name").values_list("pk", "name")[:100])
        cache.set("console-teams", known, 30)
    return known


def head_context(request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
    now = clock.now()
    paused = conversation.automation_paused_until
    resolve_by = routing.resolve_by(conversation)
    return {
        "conversation": conversation,
        "contact": conversation.identity.contact,
        "may_act": access.may_answer(request),
        "mine": conversation.assignee_id == request.user.pk,
        "paused_until": paused if paused and paused > now else None,
        "window_expires_at": conversation.window_expires_at if window_open(conversation) else None,
        "colleagues": colleagues(),
        "teams": teams(),
        "due_at": conversation.due_now,
        "resolve_by": resolve_by,
        "unresolved": resolve_by is not None and resolve_by < now,
        "late": conversation.due_now is not None and conversation.due_now < now,
        "now": now,
    }


def thread_context(request: HttpRequest, conversation: Conversation, *, before: str = "") -> dict[str, Any]:
    shown = thread.thread_of(conversation, before=before)
    can, may_act = abilities_of(conversation.connection), access.may_answer(request)
    tools, causes = drawing.Tools.for_agents(can), access.sees_causes(request.user)
    for bubble in shown.bubbles:
        if bubble.troubled:
            bubble.small_print = wording.small_print(bubble.message, bubble.problem, causes=causes)
        bubble.body = drawing.body(bubble)
        bubble.tools = tools.beside(bubble) if may_act else ""
    return {
        "conversation": conversation,
        "bubbles": shown.bubbles,
        "older": shown.older,
        "may_act": may_act,
        "can": can,
    }


def their_zone(contact: Contact) -> str:
    """The customer's time zone when their clock differs from the agent's; a name that nobody knows counts as none."""
    try:
        zone = zoneinfo.ZoneInfo(contact.time_zone) if contact.time_zone else None
    except (ValueError, zoneinfo.ZoneInfoNotFoundError):
        return ""
    now = clock.now()
    return contact.time_zone if zone and now.astimezone(zone).utcoffset() != timezone.localtime(now).utcoffset() else ""


def composer_context(request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
    mode = composer_mode(conversation)
    return {
        "conversation": conversation,
        "mode": mode,
        "may_act": access.may_answer(request),
        "can": abilities_of(conversation.connection),
        "idempotency_key": uuid.uuid4(),
        "closed_before": conversation.last_inbound_at is not None,
        "their_zone": their_zone(conversation.identity.contact),
    }
