"""The inbox's changes. Each is a POST with a CSRF token, does one service, and answers a script with JSON, a plain form with a redirect."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from scrm.commerce.models import Coupon
from scrm.console import access, macros
from scrm.console.inbox import editing, guide, moments, reasons, sending, typing_notices
from scrm.console.inbox.views import address_of
from scrm.console.macro_models import Macro
from scrm.console.templatetags.console import moment
from scrm.conversations import claims, later, media, routing, services
from scrm.conversations.models import Attachment, Conversation, Decision, LaterMessage, Message, QuickReply
from scrm.core import clock
from scrm.staff import services as staff
from scrm.staff.models import Team, User
from scrm.tags import services as tags
from scrm.tags.models import TagAssignment

LONGEST_NOTE = 2000
SHOWN = ("identity__contact", "connection")


def _by_script(request: HttpRequest) -> bool:
    return request.headers.get("X-Requested-With") == "fetch"


def _done(request: HttpRequest, conversation_id: int, **answer: object) -> HttpResponse:
    if _by_script(request):
        return JsonResponse({"ok": True, **answer})
    if not access.seen(request, Conversation.objects.filter(pk=conversation_id)).exists():
        return redirect("console:inbox")  # handed to others
    return redirect(address_of(conversation_id, request))


def _refused(request: HttpRequest, conversation_id: int, reason: str) -> HttpResponse:
    if _by_script(request):
        return JsonResponse({"ok": False, "error": reason}, status=422)
    messages.error(request, reason)
    return redirect(address_of(conversation_id, request))


def _conversation(request: HttpRequest, pk: int) -> Conversation:
    return get_object_or_404(access.seen(request, Conversation.objects.select_related(*SHOWN)), pk=pk)


def _message(request: HttpRequest, pk: int) -> Message:
    shown = Message.objects.select_related("conversation__identity__contact", "conversation__connection")
    return get_object_or_404(access.seen(request, shown), pk=pk)


def send(request: HttpRequest, pk: int) -> HttpResponse:
    """What stands in the composer: text, file, place, choice, template or note."""
    conversation = _conversation(request, pk)
    form = sending.ComposerForm(request.POST, request.FILES)
    if not form.is_valid():
        return _refused(request, pk, " ".join(str(problem) for problems in form.errors.values() for problem in problems))
    values = {name.removeprefix("place_"): str(value) for name, value in request.POST.items() if name.startswith("place_")}
    try:
        if request.POST.get("when"):
            return _scheduled(request, conversation, form, values)
        if asked := sending.answered_meanwhile(conversation, form, by=access.person(request)):
            return JsonResponse({"ok": False, "ask": asked})
        message = sending.send(conversation, form, values, by=access.person(request))
    except ValidationError as error:
        return _refused(request, pk, " ".join(error.messages))
    if request.POST.get("quick_reply", "").isdecimal():
        QuickReply.objects.filter(pk=int(request.POST["quick_reply"])).update(used=F("used") + 1)
    if message.direction == Message.Direction.OUT:
        claims.release(pk, by=access.person(request))
    return _done(request, message.conversation_id, message=message.pk, state=message.state, notice=_notice(message))


def _scheduled(request: HttpRequest, conversation: Conversation, form: sending.ComposerForm, values: dict[str, str]) -> HttpResponse:
    """`when`: a preset's name, or "at" with `send_on`; `hold`: not when the customer writes first."""
    at = moments.chosen(request.POST["when"], request.POST.get("send_on", ""))
    row = sending.schedule(conversation, form, values, at=at, by=access.person(request))
    verdict = later.predict([(conversation, row)])[0]
    notice = _("Scheduled: %(time)s.") % {"time": moment(row.send_at)}
    if not verdict.allowed:
        notice = _("%(scheduled)s As things stand, it will not go then: %(because)s") % {
            "scheduled": notice,
            "because": reasons.rule_sentence(verdict.rule),
        }
    return _done(request, conversation.pk, later=row.pk, notice=notice, state="queued" if verdict.allowed else "blocked")


def change_later(request: HttpRequest, pk: int, decision: str) -> HttpResponse:
    """What a person does with a scheduled message: `cancel` it (its words come back into the composer), or send it `now`."""
    row = get_object_or_404(access.seen(request, LaterMessage.objects.select_related("conversation")), pk=pk)
    try:
        if decision == "cancel":
            later.cancel(row, by=access.person(request))
            words = row.text if row.kind == "text" else ""
            return _done(request, row.conversation_id, notice=_("Cancelled. Its words are in the composer again."), draft=words)
        message = later.send_now(row, by=access.person(request)).message
    except services.RefusedState as error:
        return _refused(request, row.conversation_id, str(error))
    return _done(request, message.conversation_id, message=message.pk, state=message.state, notice=_notice(message))


def _notice(message: Message) -> str:
    """Why the message does not go at once, in words; empty when it does."""
    decision = message.decisions.order_by("pk").last() if message.direction == Message.Direction.OUT else None
    return reasons.rule_sentence(decision.rule) if decision and decision.verdict != Decision.Verdict.ALLOW else ""


def react(request: HttpRequest, pk: int) -> HttpResponse:
    """An emoji on a message; an empty one takes it back. `key`: made by the page, so that pressing twice is one reaction."""
    message = _message(request, pk)
    try:
        sent = sending.react(message, request.POST.get("emoji", ""), request.POST.get("key", ""), by=access.person(request))
    except ValidationError as error:
        return _refused(request, message.conversation_id, " ".join(error.messages))
    return _done(request, message.conversation_id, message=sent.pk, state=sent.state, notice=_notice(sent))


def typing(request: HttpRequest, pk: int) -> HttpResponse:
    """The agent writes: the customer sees it, when their platform can show it."""
    return _done(request, pk, told=typing_notices.ask(_conversation(request, pk)))


def read(request: HttpRequest, pk: int) -> HttpResponse:
    services.mark_read(_conversation(request, pk), by=access.person(request))
    return _done(request, pk)


def assign(request: HttpRequest, pk: int) -> HttpResponse:
    """`to`: me, nobody, or a colleague's id; `had`: who had it when the page was drawn, empty for nobody."""
    wanted = request.POST.get("to", "me")
    user = access.person(request)
    colleague: User | None = None
    if wanted == "me":
        colleague = user
    elif wanted not in {"", "nobody"}:
        known = User.objects.filter(is_active=True, is_staff=True)
        colleague = get_object_or_404(known, pk=int(wanted) if wanted.isdecimal() else 0)
    had = request.POST.get("had")
    shown = 0 if had is None else int(had) if had.isdecimal() and len(had) < 19 else None
    try:
        services.assign(_conversation(request, pk), to=colleague, by=user, had=shown)
    except services.RefusedState as error:
        return _refused(request, pk, str(error))
    return _done(request, pk, notice=_("Assigned to %(name)s.") % {"name": colleague} if colleague else _("Assigned to nobody."))


def transfer(request: HttpRequest, pk: int) -> HttpResponse:
    """`to`: `user:<id>` or `team:<id>`; `note`: words for whoever gets it."""
    conversation = _conversation(request, pk)
    kind, _mark, number = request.POST.get("to", "").partition(":")
    wanted = int(number) if number.isdecimal() and len(number) < 19 else 0
    if kind not in {"user", "team"}:
        return _refused(request, pk, _("Choose to whom."))
    colleague = get_object_or_404(User, pk=wanted, is_active=True, is_staff=True) if kind == "user" else None
    team = get_object_or_404(Team, pk=wanted) if kind == "team" else None
    note = request.POST.get("note", "")[:LONGEST_NOTE]
    routing.transfer(conversation, to=colleague, team=team, note=note, by=access.person(request))
    claims.release(pk, by=access.person(request))
    return _done(request, pk, notice=_("Handed over to %(name)s.") % {"name": colleague or team})


def presence(request: HttpRequest) -> HttpResponse:
    """Here or away; away gets nothing new."""
    try:
        staff.set_presence(access.person(request), request.POST.get("presence", ""))
    except ValueError:
        messages.error(request, _("Choose here or away."))
    return redirect("console:inbox")


def hide_guide(request: HttpRequest) -> HttpResponse:
    """The first steps are seen no more in this browser; the help leads back to them."""
    answer = redirect("console:inbox")
    answer.set_cookie(guide.HIDDEN, "1", max_age=guide.HIDDEN_FOR, httponly=True, samesite="Lax", secure=request.is_secure())
    return answer


def close(request: HttpRequest, pk: int) -> HttpResponse:
    conversation = _conversation(request, pk)
    services.close(conversation, by=access.person(request))
    claims.release(pk, by=access.person(request))
    return _done(request, pk, notice=_("Closed: %(name)s") % {"name": conversation.identity.contact})


def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    return _done(request, services.reopen(_conversation(request, pk), by=access.person(request)).pk)


def use_macro(request: HttpRequest, pk: int, macro: int) -> HttpResponse:
    """All of a macro's actions, or none. `key`: made by the page, so that pressing twice is one use."""
    user, key = access.person(request), request.POST.get("key", "")
    conversation = _conversation(request, pk)
    if not sending.KEY.fullmatch(key):
        return _refused(request, pk, _("The page is out of date. Load it again."))
    chosen = get_object_or_404(macros.usable_by(user), pk=macro)
    other = claims.held(pk, but=user)
    if other:
        return _refused(request, pk, _("%(name)s is answering here just now. Take over first, then use the macro.") % {"name": other.name})
    try:
        applied = macros.apply(chosen, conversation, key=key, by=user)
    except macros.CannotApply as reason:
        return _refused(request, pk, str(reason))
    claims.release(pk, by=user)
    notice = " ".join(filter(None, [_("Done: %(name)s") % {"name": chosen.name}, _notice(applied.message) if applied.message else ""]))
    return _done(request, pk, notice=notice, closed=chosen.then == Macro.Then.CLOSE)


def hand_back(request: HttpRequest, pk: int) -> HttpResponse:
    services.hand_back(_conversation(request, pk), by=access.person(request))
    return _done(request, pk, notice=_("Automation answers here again."))


def snooze(request: HttpRequest, pk: int) -> HttpResponse:
    """`until`: hour, tomorrow (9:00) or monday (9:00), in the agent's own time zone."""
    conversation = _conversation(request, pk)
    until = moments.PRESETS.get(request.POST.get("until", ""))
    if until is None:
        return _refused(request, pk, _("Choose until when."))
    end = until(clock.now())
    services.snooze(conversation, until=end, by=access.person(request))
    return _done(request, pk, notice=_("Snoozed until %(time)s.") % {"time": moment(end)})


REVIEWS: dict[str, Callable[..., object]] = {"resend": services.resend, "give-up": services.give_up, "cancel": services.cancel}


def review(request: HttpRequest, pk: int, decision: str) -> HttpResponse:
    """A person's decision about one message: send again, give up, or take back."""
    message = _message(request, pk)
    try:
        REVIEWS[decision](message, by=access.person(request))
    except services.RefusedState as error:
        return _refused(request, message.conversation_id, str(error))
    return _done(request, message.conversation_id)


def fetch_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Another round of attempts for a customer's file that could not be fetched."""
    attachment = get_object_or_404(access.seen(request, Attachment.objects.select_related("message")), pk=pk)
    media.try_again(attachment)
    return _done(request, attachment.message.conversation_id, notice=_("The file is being fetched again."))


def edit_person(request: HttpRequest, pk: int) -> HttpResponse:
    """A few fields of the customer, beside the chat."""
    conversation = _conversation(request, pk)
    try:
        kept = editing.change(conversation.identity.contact, request.POST, by=access.person(request))
    except ValidationError as error:
        return _refused(request, pk, " ".join(error.messages))
    return _done(request, pk, notice=" ".join(kept) or _("Saved."))


def add_tag(request: HttpRequest, pk: int) -> HttpResponse:
    """`tag`: a name of the list."""
    try:
        tag = editing.add_tag(_conversation(request, pk), request.POST.get("tag", ""), by=access.person(request))
    except ValidationError as error:
        return _refused(request, pk, " ".join(error.messages))
    return _done(request, pk, notice=_("Tagged: %(name)s") % {"name": tag})


def untag(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a tag off; the row stays, as a label for its rule's quality."""
    if not request.user.has_perm("tags.change_tagassignment"):
        raise PermissionDenied
    assignment = get_object_or_404(access.seen(request, TagAssignment.objects.select_related("contact", "tag")), pk=pk)
    tags.remove_tag(assignment, by=access.person(request))
    shown_in = request.POST.get("conversation", "")
    return _done(request, int(shown_in)) if shown_in.isdecimal() else redirect("console:inbox")


def give_coupon(request: HttpRequest, pk: int) -> HttpResponse:
    """`coupon-code`, `coupon-text`, `coupon-until`."""
    try:
        coupon = editing.give_coupon(_conversation(request, pk), request.POST, by=access.person(request))
    except ValidationError as error:
        return _refused(request, pk, " ".join(error.messages))
    return _done(request, pk, notice=_("Coupon noted: %(code)s") % {"code": coupon.code})


def use_coupon(request: HttpRequest, pk: int) -> HttpResponse:
    """`used`: 1, or 0 when it was not used after all."""
    coupon = get_object_or_404(access.seen(request, Coupon.objects.select_related("contact")), pk=pk)
    editing.use_coupon(coupon, request.POST.get("used") != "0", by=access.person(request))
    shown_in = request.POST.get("conversation", "")
    return _done(request, int(shown_in)) if shown_in.isdecimal() else redirect("console:inbox")
