"""Who answers a conversation, so that a customer never gets two answers: shown to everybody, claimed by typing, taken over on purpose."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from scrm.console import access
from scrm.console.inbox import presence, queues
from scrm.console.inbox.presence import Other
from scrm.conversations import claims
from scrm.conversations.claims import Held
from scrm.conversations.models import Conversation
from scrm.staff.models import User

# So many that wait longest are tried before one is told that nobody waits: more agents than that do not ask in one moment.
TRIED = 50


def answering_words(name: str) -> str:
    return _("%(name)s is answering here") % {"name": name}


def around(request: HttpRequest, conversation: Conversation) -> list[Other]:
    """Who else is here; that this person is, is noted."""
    return presence.note(conversation.pk, access.person(request), typing=request.GET.get("typing") == "1")


def company(others: list[Other]) -> str:
    """Who else is here, in one sentence."""
    if not others:
        return ""
    names = ", ".join(other.name for other in others[:3])
    return (_("%(names)s is typing here") if others[0].typing else _("%(names)s is looking at this too")) % {"names": names}


def other(answering: list[Held], conversation: Conversation, user: User) -> Held | None:
    """Which colleague answers it, of those who answer anything."""
    return next((held for held in answering if held.conversation == conversation.pk and held.holder != user.pk), None)


def strip(request: HttpRequest, conversation: Conversation, answering: list[Held], others: str = "") -> dict[str, Any]:
    """The strip above the thread, and the name of a colleague who answers, so that whoever did until now is told."""
    colleague = other(answering, conversation, access.person(request))
    context = strip_context(request, conversation, colleague, others)
    return {
        "company": render_to_string("console/inbox/company.html", context, request).strip(),
        "claim": colleague.name if colleague else "",
    }


def strip_context(request: HttpRequest, conversation: Conversation, colleague: Held | None, others: str = "") -> dict[str, Any]:
    words = answering_words(colleague.name) if colleague else ""
    return {"conversation": conversation, "answering": words, "others": others, "may_act": access.may_answer(request)}


def claim(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody begins to answer, or goes on. `over`: on purpose in place of whoever does now."""
    conversation = get_object_or_404(access.seen(request, Conversation.objects.all()), pk=pk)
    over = request.POST.get("over") == "1"
    colleague = claims.take(conversation.pk, by=access.person(request), over=over)
    if request.headers.get("X-Requested-With") != "fetch":
        return redirect("console:conversation", conversation.pk)
    told = strip(request, conversation, [colleague] if colleague else [])
    return JsonResponse({"ok": True, "notice": _("You are answering here now.") if over else "", **told})


def next_waiting(request: HttpRequest) -> HttpResponse:
    """The address of the conversation that waits longest, is nobody else's and that nobody else answers, claimed for this person.

    `after`: the one that they are leaving; those after it come first, so that pressing again goes on.
    """
    user = access.person(request)
    after = request.POST.get("after", "")
    leaving = int(after) if after.isdecimal() and len(after) < 19 else 0
    if leaving:
        claims.release(leaving, by=user)
    found = claims.take_next(_going_on(_waiting(user), leaving), by=user)
    address = reverse("console:conversation", args=[found]) if found else reverse("console:inbox")
    if request.headers.get("X-Requested-With") != "fetch":
        return redirect(f"{address}?queue=waiting")
    if found is None:
        return JsonResponse({"ok": True, "notice": queues.QUEUES["waiting"].empty})
    return JsonResponse({"ok": True, "url": f"{address}?queue=waiting"})


def _waiting(user: User) -> list[int]:
    rows = queues.QUEUES["waiting"].ordered(user)
    free = rows.unassigned() | rows.mine(user)
    return list(free.values_list("pk", flat=True)[:TRIED])


def _going_on(waiting: list[int], leaving: int) -> list[int]:
    if leaving not in waiting:
        return waiting
    at = waiting.index(leaving)
    return waiting[at + 1 :] + waiting[:at]


def question(conversation: Conversation, *, by: User) -> str:
    """What the second agent is asked before their answer goes beside a colleague's; "" when nobody else answers."""
    colleague = claims.held(conversation.pk, but=by)
    return str(_("%(name)s is answering here just now. Send yours, too?") % {"name": colleague.name}) if colleague else ""
