"""The inbox's pages and fragments. Nothing here changes anything; see `actions.py`."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from scrm.console import access, macros
from scrm.console.inbox import answering, editing, guide, polls, profile, queues, reasons, screen, shapes, upcoming
from scrm.console.inbox.prepared import with_name
from scrm.console.inbox.screen import View
from scrm.console.macro_models import Macro
from scrm.contacts.names import form_of_address
from scrm.conversations import services
from scrm.conversations.claims import Held
from scrm.conversations.models import Conversation, QuickReply
from scrm.staff import services as staff
from scrm.staff.models import User


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """The admin's first page: the inbox for those who may see it, the plain index for the rest."""
    if request.user.has_perm(access.SEE_CHATS):
        return redirect("console:inbox")
    return admin.site.index(request)


@require_safe
def inbox(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """The whole page, with one conversation open or none. A script that changes the conversation gets the pane alone."""
    view = View.of(request)
    conversation = screen.conversation_named(pk, view.user) if pk else None
    if pk and conversation is None:
        raise Http404
    context: dict[str, Any] = {"conversation": conversation, "may_act": access.may_answer(request)}
    if conversation:
        context |= screen.head_context(request, conversation) | screen.composer_context(request, conversation)
        context |= {"thread": screen.thread_context(request, conversation), "scheduled": upcoming.scheduled_in(conversation)}
        context |= answering.strip_context(request, conversation, answering.other(view.claims, conversation, view.user))
    if request.headers.get("X-Requested-With") == "fetch":
        return render(request, "console/inbox/pane.html", context)
    if conversation is None:
        context["guide"] = guide.shown(request)
    counts, newest = queues.counts_and_changes(view.user)
    context |= {
        **admin.site.each_context(request),
        **view.context(conversation),
        **queue_context(counts),
        "here": view.user.presence == view.user.Presence.ONLINE,
        "title": _("Inbox"),
        "is_fullwidth": "1",
        "etag": etag_of(newest, conversation, view.claims),
    }
    return render(request, "console/inbox/page.html", context)


def queue_context(counts: dict[str, int]) -> dict[str, Any]:
    # A person who stepped away gets nothing new; the switch is beside the queues.
    rows = [(queue, queues.shown_count(counts[queue.slug]) if counts.get(queue.slug) else "") for queue in queues.QUEUES.values()]
    return {"queues": rows, "unread": queues.shown_count(counts["unread"]) if counts["unread"] else ""}


def etag_of(newest: str, conversation: Conversation | None, answered: list[Held], others: str = "") -> str:
    """Changes with everything that the page shows: any conversation (`newest`: the mark of `queues.newest_changes`), the open one, who
    answers where, company, the date, the language."""
    version = f"{conversation.pk}.{conversation.version}" if conversation else ""
    held = ",".join(f"{claim.conversation}.{claim.holder}" for claim in answered)
    parts = [newest, version, held, others, str(timezone.localdate()), get_language() or ""]
    return f'"{hashlib.sha256("|".join(parts).encode()).hexdigest()[:20]}"'


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """What changed since the ETag that the page holds, as JSON of fragments; 304 when nothing did.

    `c` is the open conversation, `v` its version on the page, `mode` the composer there; a page that types says `typing=1`.
    """
    pk = request.GET.get("c", "")
    conversation = screen.conversation_named(int(pk), access.person(request)) if pk.isdecimal() and len(pk) < 19 else None
    gone = conversation is None and pk.isdecimal()
    around = answering.around(request, conversation) if conversation else []
    others = "gone" if gone else answering.company(around)
    staff.see(access.person(request))
    before = polls.mark()
    view = View.of(request)
    etag = etag_of(before.newest, conversation, view.claims, others)
    if request.headers.get("If-None-Match") == etag:
        if not gone:
            polls.remember(request, view.user, conversation, around, before)
        return HttpResponseNotModified(headers={"ETag": etag})
    answer = _list_fragments(request, view, conversation)
    if conversation:
        told = answering.strip(request, conversation, view.claims, others)
        answer["conversation"] = _conversation_fragments(request, conversation) | told
    elif gone:
        answer["conversation"] = {"id": int(pk[:18]), "gone": True}
    return JsonResponse(answer, headers={"ETag": etag})


def _list_fragments(request: HttpRequest, view: View, conversation: Conversation | None) -> dict[str, Any]:
    counts = queue_context(queues.counts(view.user))
    context = counts | {"queue": view.queue, "search": view.search, "may_act": access.may_answer(request)}
    answer = {"unread": counts["unread"], "queues": render_to_string("console/inbox/queues.html", context, request)}
    if not view.search:
        answer["list"] = render_to_string("console/inbox/list.html", view.context(conversation), request)
    return answer


def _conversation_fragments(request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
    mode = screen.composer_mode(conversation)
    answer: dict[str, Any] = {"id": conversation.pk, "version": conversation.version, "mode": mode}
    if request.GET.get("v") != str(conversation.version):
        context = screen.head_context(request, conversation) | screen.thread_context(request, conversation)
        answer["head"] = render_to_string("console/inbox/head.html", context, request)
        scheduled = {"scheduled": upcoming.scheduled_in(conversation), "may_act": access.may_answer(request)}
        answer["later"] = render_to_string("console/inbox/later.html", scheduled, request)
        answer["thread"] = render_to_string("console/inbox/messages.html", context, request)
    if request.GET.get("mode") != mode:
        answer["composer"] = render_to_string("console/inbox/composer.html", screen.composer_context(request, conversation), request)
    return answer


def _conversation(request: HttpRequest, pk: int) -> Conversation:
    conversation = screen.conversation_named(pk, access.person(request))
    if conversation is None:
        raise Http404
    return conversation


@require_safe
def older_conversations(request: HttpRequest) -> HttpResponse:
    view = View.of(request)
    return render(request, "console/inbox/list.html", replace(view, pages=1).context(after=request.GET.get("after", "")))


@require_safe
def older_messages(request: HttpRequest, pk: int) -> HttpResponse:
    context = screen.thread_context(request, _conversation(request, pk), before=request.GET.get("before", ""))
    return render(request, "console/inbox/messages.html", context)


@require_safe
def beside(request: HttpRequest, pk: int) -> HttpResponse:
    """The customer's profile, fetched after the thread so that the thread is there at once."""
    conversation = _conversation(request, pk)
    context = {
        "conversation": conversation,
        "profile": profile.profile_of(conversation, access.person(request)),
        "may_act": access.may_answer(request),
    }
    context["referral"] = shapes.referral_of(conversation.referral)
    if request.user.has_perm(editing.CHANGE):
        context["form"] = editing.form_for(conversation.identity.contact)
    if request.user.has_perm(editing.GIVE):
        context["coupon_form"] = editing.CouponForm()
    context["may_use"] = request.user.has_perm(editing.USE)
    context["may_untag"] = request.user.has_perm("tags.change_tagassignment")
    return render(request, "console/inbox/profile.html", context)


@require_safe
def verdict(request: HttpRequest, pk: int) -> HttpResponse:
    """What the law would say to a text, or to a template of the given category, now: in words, with the values that decide."""
    conversation = _conversation(request, pk)
    kind = "template" if request.GET.get("kind") == "template" else "text"
    category = request.GET.get("category", "service")
    said = services.preview_decision(conversation, kind=kind, category=category, source="agent", by=access.person(request))
    counters = reasons.counter_words(said.counters)
    return JsonResponse({"verdict": said.verdict, "words": reasons.verdict_words(said), "rule": said.rule, "counters": counters})


@require_safe
def quick_replies(request: HttpRequest, pk: int) -> HttpResponse:
    """All quick replies that suit the customer's language, with the name filled in; the browser filters as one types."""
    contact = _conversation(request, pk).identity.contact
    language = contact.language[:2].lower()
    rows = QuickReply.objects.all().order_by("-used", "shortcut")[:300]
    suited = sorted(rows, key=lambda row: row.language[:2].lower() != language)
    first = form_of_address(contact.name, country=contact.country, language=contact.language)
    replies = [{"id": row.pk, "shortcut": row.shortcut, "title": row.title, "text": with_name(row.text, first)} for row in suited]
    return JsonResponse({"replies": replies, "macros": macros_for(access.person(request)) if access.may_answer(request) else []})


def macros_for(user: User) -> list[dict[str, Any]]:
    """What the menu of '/' offers beside the quick replies: what is done in one click."""
    rows = macros.usable_by(user).select_related("quick_reply", "colleague", "team").prefetch_related("tags")[:100]
    return [
        {
            "macro": row.pk,
            "shortcut": row.shortcut,
            "title": row.name,
            "text": macros.does(row, [tag.name for tag in row.tags.all()]),
            "closes": row.then == Macro.Then.CLOSE,
        }
        for row in rows
    ]


@require_safe
def macro_menu(request: HttpRequest, pk: int) -> HttpResponse:
    """The macros as buttons, for the menu of the conversation's head: also when the window is shut and '/' is not at hand."""
    rows = macros_for(access.person(request)) if access.may_answer(request) else []
    shown = {"conversation": _conversation(request, pk), "macros": rows, "key": uuid.uuid4()}
    return render(request, "console/inbox/macros.html", shown)


def address_of(conversation_id: int, request: HttpRequest) -> str:
    """Back to a conversation in the queue from which it was opened."""
    query = request.GET.urlencode()
    return reverse("console:conversation", args=[conversation_id]) + (f"?{query}" if query else "")
