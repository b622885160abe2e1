"""The phone page: play any customer against any of the business numbers. Screens poll; nothing is pushed."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from scrm.sandbox import ordering, play, seed, thread
from scrm.sandbox.locality import loopback_only
from scrm.sandbox.models import Chat, Message, Number, Person
from scrm.sandbox.people import create_person
from scrm.sandbox.places import PLACES
from scrm.sandbox.receipts import read_chat
from scrm.sandbox.story.catalogue import CURRENCY_OF
from scrm.sandbox.suggestions import SUGGESTIONS

SAMPLES = ("parcel", "damaged", "receipt", "serum")
PICTURE_TYPES = {"image/jpeg": "image", "image/png": "image", "image/webp": "sticker", "application/pdf": "document", "video/mp4": "video"}
MOST_UPLOAD = 16 * 2**20
POLICY = "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


def screen(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    @loopback_only
    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            answer = view(request, *args, **kwargs)
        except (ValueError, KeyError) as error:
            answer = JsonResponse({"error": str(error)}, status=400)
        answer["Content-Security-Policy"] = POLICY
        answer["Cache-Control"] = "no-store"
        return answer

    return guarded


@screen
@ensure_csrf_cookie
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    if not Number.objects.exists() or not Person.objects.exists():
        seed.ensure_all()
    setup = {
        "numbers": [
            {
                "slug": n.slug,
                "label": n.label,
                "display": n.display_phone_number,
                "country": n.country,
                "currency": CURRENCY_OF[n.country],
            }
            for n in Number.objects.order_by("pk")
        ],
        "places": [place._asdict() for place in PLACES],
        "suggestions": SUGGESTIONS,
        "samples": SAMPLES,
        "shop": ordering.shop(),
        "words": words(),
    }
    return render(request, "sandbox/phone.html", {"setup": setup, "languages": settings.LANGUAGES})


def words() -> dict[str, str]:
    """What the script writes onto the page."""
    return {
        "today": _("Today"),
        "yesterday": _("Yesterday"),
        "typing": _("typing…"),
        "you": _("You"),
        "choose": _("Choose a customer on the left"),
        "window_open": _("The business may write freely for another {time}"),
        "window_shut": _("The business may send approved templates only"),
        "hours": _("{h} h {m} min"),
        "minutes": _("{m} min"),
        "no_phone": _("shows no phone number"),
        "share_location": _("Share location"),
        "reply": _("Reply"),
        "react": _("React"),
        "download": _("Open file"),
        "nobody": _("Nobody found"),
        "failed": _("That did not work: {reason}"),
        "offline": _("The sandbox does not answer. Trying again…"),
        "close": _("Close"),
        "not_met": _("No messages yet"),
        "unsupported": _("This picture cannot be shown here"),
        "stop_offers": _("Stop offers"),
        "resume_offers": _("Allow offers"),
        "copy_code": _("Copy the code"),
        "offer_ends": _("Ends"),
        "offer_over": _("This offer is over"),
        "order": _("Order"),
        "no_price": _("not in the catalogue"),
        "total": _("Total: {amount}"),
    }


@screen
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Everybody, those who talked last first; counts of unread messages for each number."""
    number = get_object_or_404(Number, slug=request.GET.get("number", ""))
    chats = {chat.person_id: chat for chat in Chat.objects.filter(number=number)}
    cards = [thread.person_card(person, chats.get(person.pk)) for person in Person.objects.order_by("pk")]
    cards.sort(key=lambda card: (-card["at"], card["country"] != number.country))
    unread = dict.fromkeys(Number.objects.values_list("slug", flat=True), 0)
    for slug, count in Chat.objects.filter(unread__gt=0).values_list("number__slug", "unread"):
        unread[slug] += count
    return JsonResponse({"people": cards, "unread": unread})


def _chat(source: Any) -> Chat:
    number = get_object_or_404(Number.objects.select_related("faults"), slug=source.get("number", ""))
    person = get_object_or_404(Person, pk=int(source.get("person", 0)))
    found = Chat.objects.filter(number=number, person=person).first()
    chat = found or Chat(number=number, person=person)
    chat.number, chat.person = number, person
    return chat


@screen
@require_safe
def chat(request: HttpRequest) -> HttpResponse:
    """The chat, or 204 when nothing changed since `revision`."""
    current = _chat(request.GET)
    known = request.GET.get("known", "")
    state = f"{current.revision}-{int(thread.is_typing(current))}"
    if known == state:
        return HttpResponse(status=204)
    return JsonResponse(thread.chat_state(current) | {"state": state})


@screen
@require_POST
def open_chat(request: HttpRequest) -> HttpResponse:
    current = _chat(request.POST)
    return JsonResponse({"read": read_chat(current) if current.pk else 0})


@screen
@require_POST
def send(request: HttpRequest) -> HttpResponse:
    """One act of the customer: text, picture, place, tap, reaction, order."""
    current = _chat(request.POST)
    act = ACTS.get(request.POST.get("act", ""))
    if act is None:
        raise Http404
    message = act(request, current.person, current.number)
    return JsonResponse({"id": message.wamid if message else ""})


def _say(request: HttpRequest, person: Person, number: Number) -> Message:
    text = request.POST["text"].strip()
    if not 0 < len(text) <= 4096:
        raise ValueError(_("a message has 1 to 4,096 characters"))
    return play.say(person, number, text=text, reply_to=request.POST.get("reply_to", ""))


def _picture(request: HttpRequest, person: Person, number: Number) -> Message:
    caption, reply_to = request.POST.get("caption", "")[:1024], request.POST.get("reply_to", "")
    sample = request.POST.get("sample", "")
    if sample:
        if sample not in SAMPLES:
            raise Http404
        content = (Path(__file__).parent / "static" / "sandbox" / "samples" / f"{sample}.jpg").read_bytes()
        return play.send_image(person, number, content=content, caption=caption, reply_to=reply_to)
    file = request.FILES["file"]
    if isinstance(file, list):
        raise ValueError("one file at a time")
    mime_type = file.content_type or ""
    if mime_type not in PICTURE_TYPES or not 0 < (file.size or 0) <= MOST_UPLOAD:
        raise ValueError(_("JPEG, PNG, WebP, PDF or MP4 up to 16 MB"))
    kind = PICTURE_TYPES[mime_type]
    return play.send_file(person, number, kind, file.read(), mime_type, filename=file.name or "", caption=caption, reply_to=reply_to)


def _place(request: HttpRequest, person: Person, number: Number) -> Message:
    latitude, longitude = float(request.POST["latitude"]), float(request.POST["longitude"])
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError(_("latitude lies between -90 and 90, longitude between -180 and 180"))
    name, address = request.POST.get("name", "")[:200], request.POST.get("address", "")[:300]
    return play.share_location(person, number, latitude=latitude, longitude=longitude, name=name, address=address)


def _target(request: HttpRequest, person: Person, number: Number) -> Message:
    return get_object_or_404(
        Message.objects.select_related("number__faults"), wamid=request.POST.get("target", ""), person=person, number=number
    )


def _tap(request: HttpRequest, person: Person, number: Number) -> Message:
    return play.tap_button(person, _target(request, person, number), request.POST["choice"])


def _react(request: HttpRequest, person: Person, number: Number) -> Message:
    return play.react(person, _target(request, person, number), request.POST.get("emoji", "")[:8])


def _order(request: HttpRequest, person: Person, number: Number) -> Message:
    note = request.POST.get("note", "").strip()[: ordering.MOST_NOTE]
    return ordering.order(person, _target(request, person, number), json.loads(request.POST["items"]), note)


def _offers(request: HttpRequest, person: Person, number: Number) -> None:
    play.stop_marketing(person, number, stop=request.POST.get("stop") == "1")


ACTS: dict[str, Callable[[HttpRequest, Person, Number], Message | None]] = {
    "text": _say,
    "picture": _picture,
    "place": _place,
    "tap": _tap,
    "react": _react,
    "order": _order,
    "offers": _offers,
}


@screen
@require_POST
def new_person(request: HttpRequest) -> HttpResponse:
    person = create_person(
        name=request.POST.get("name", ""),
        phone=request.POST.get("phone", ""),
        username=request.POST.get("username", ""),
        country=request.POST.get("country", ""),
        language=request.POST.get("language", ""),
        auto_read=request.POST.get("auto_read") == "on",
    )
    return JsonResponse({"id": person.pk})


@screen
@require_POST
def change_person(request: HttpRequest) -> HttpResponse:
    """Whether the customer reads messages at once."""
    person = get_object_or_404(Person, pk=int(request.POST.get("person", 0)))
    person.auto_read = request.POST.get("auto_read") == "1"
    person.save(update_fields=["auto_read"])
    return JsonResponse({"auto_read": person.auto_read})


@screen
@require_safe
def media(request: HttpRequest, media_id: str) -> HttpResponse:
    stored = thread.media_file(media_id)
    if stored is None:
        raise Http404
    answer = HttpResponse(bytes(stored.content), content_type=stored.mime_type)
    answer["X-Content-Type-Options"] = "nosniff"
    if stored.mime_type.split("/")[0] not in ("image", "audio", "video"):
        answer["Content-Disposition"] = "attachment"
    return answer
