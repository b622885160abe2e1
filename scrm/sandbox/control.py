"""JSON control for tests and seeding: play customers, set faults, read the history.

POST bodies are `application/json`, which a foreign web page cannot send without being asked first.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.csrf import csrf_exempt

from scrm.sandbox import faults, history, play, ratings, review
from scrm.sandbox.locality import loopback_only
from scrm.sandbox.models import Chat, Message, MessageTemplate, Number, Person
from scrm.sandbox.people import create_person, find_person
from scrm.sandbox.receipts import read_chat
from scrm.sandbox.router import ALIAS

Body = dict[str, Any]
MOST_AT_ONCE = 10_000
NUMBER_KNOBS: dict[str, type] = {"quality_rating": str, "messaging_tier": str, "throughput": int, "webhook_url": str}


class Refused(ValueError):
    """What was asked cannot be done; the text says why."""


def control_call(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    @csrf_exempt
    @loopback_only
    @functools.wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except (ValueError, KeyError, TypeError, IntegrityError, Number.DoesNotExist) as error:
            reason = f"missing: {error}" if isinstance(error, KeyError) else str(error)
            return JsonResponse({"error": reason}, status=400)

    return answered


def posted(request: HttpRequest) -> Body:
    if request.method != "POST" or request.content_type != "application/json":
        raise Refused("POST application/json")
    body = json.loads(request.body)
    if not isinstance(body, dict):
        raise Refused("the body is a JSON object")
    return body


def person_of(reference: Any) -> Person:
    """An id, a phone number, a user id, or an object that describes somebody new (or somebody known by its phone)."""
    if isinstance(reference, dict):
        known = find_person(str(reference.get("phone") or reference.get("user_id") or "")) if reference else None
        return known or create_person(**reference)
    person = find_person(reference)
    if person is None:
        raise Refused(f"no such person: {reference}")
    return person


def moment_of(value: Any) -> datetime:
    """ISO 8601 with a zone, or seconds since the epoch; nothing: now."""
    if value is None:
        return timezone.now()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, tz=timezone.get_default_timezone())
    parsed = parse_datetime(str(value))
    if parsed is None or timezone.is_naive(parsed):
        raise Refused("sent_at is ISO 8601 with a time zone, or seconds since the epoch")
    return parsed


def content_of(body: Body) -> tuple[str, Any]:
    """`{"text": "..."}` for short, else `{"type": kind, kind: {...}}` as the wire has it."""
    kind = str(body.get("type", "text"))
    content = body[kind]
    if kind == "text" and isinstance(content, str):
        return kind, {"body": content}
    if kind != "contacts" and not isinstance(content, dict):
        raise Refused(f"{kind} is an object")
    return kind, {"items": content} if kind == "contacts" else content


@control_call
def inbound(request: HttpRequest) -> HttpResponseBase:
    """One message of a customer. Button answers: `{"type": "tap", "wamid": ..., "choice": ...}`."""
    body = posted(request)
    with transaction.atomic(using=ALIAS):
        person = person_of(body["person"])
        sent_at = moment_of(body.get("sent_at"))
        if body.get("type") == "tap":
            shown = Message.objects.get(wamid=body["wamid"], person=person)
            message = play.tap_button(person, shown, str(body["choice"]), sent_at=sent_at)
        else:
            kind, content = content_of(body)
            message = play.send(person, body["number"], kind, content, sent_at=sent_at, reply_to=str(body.get("reply_to", "")))
    return JsonResponse({"wamid": message.wamid, "person": person.pk})


@control_call
def inbound_bulk(request: HttpRequest) -> HttpResponseBase:
    """`{"messages": [...]}`, up to 10,000, in one transaction; answers with the message ids in order."""
    rows = posted(request)["messages"]
    if not isinstance(rows, list) or len(rows) > MOST_AT_ONCE:
        raise Refused(f"messages is a list of at most {MOST_AT_ONCE}")
    numbers = {number.slug: number for number in Number.objects.select_related("faults")}
    people: dict[str, Person] = {}
    with transaction.atomic(using=ALIAS):
        messages = play.send_many([_bulk_row(row, numbers, people) for row in rows])
    return JsonResponse({"wamids": [message.wamid for message in messages]})


def _bulk_row(row: Body, numbers: dict[str, Number], people: dict[str, Person]) -> tuple[Person, Number, str, Any, datetime]:
    key = json.dumps(row["person"], sort_keys=True)
    if key not in people:
        people[key] = person_of(row["person"])
    kind, content = content_of(row)
    return people[key], numbers[row["number"]], kind, content, moment_of(row.get("sent_at"))


@control_call
def read(request: HttpRequest) -> HttpResponseBase:
    """The customer opens the chat."""
    body = posted(request)
    chat = (
        Chat.objects.select_related("number__faults", "person")
        .filter(number__slug=body["number"], person=person_of(body["person"]))
        .first()
    )
    return JsonResponse({"read": read_chat(chat) if chat else 0})


@control_call
def people(request: HttpRequest) -> HttpResponseBase:
    if request.method == "GET":
        fields = ("id", "name", "phone", "user_id", "username", "language", "country", "auto_read")
        return JsonResponse({"people": list(Person.objects.order_by("pk").values(*fields))})
    person = create_person(**posted(request))
    return JsonResponse({"id": person.pk, "phone": person.phone, "user_id": person.user_id})


@control_call
def preferences(request: HttpRequest) -> HttpResponseBase:
    """`{"number", "person", "marketing": "stop" | "resume"}`."""
    body = posted(request)
    if body["marketing"] not in ("stop", "resume"):
        raise Refused("marketing is stop or resume")
    play.stop_marketing(person_of(body["person"]), body["number"], stop=body["marketing"] == "stop")
    return JsonResponse({"done": True})


@control_call
def change_phone(request: HttpRequest) -> HttpResponseBase:
    body = posted(request)
    person = person_of(body["person"])
    play.change_phone(person, "".join(c for c in str(body["phone"]) if c.isdigit()))
    return JsonResponse({"phone": person.phone, "user_id": person.user_id})


@control_call
def fault_knobs(request: HttpRequest, slug: str) -> HttpResponseBase:
    """GET: the knobs. POST: `{"knob": value, ..., "reset": true}`."""
    number = play.find_number(slug)
    if request.method == "GET":
        return JsonResponse(faults.as_dict(number.faults))
    body = posted(request)
    reset = bool(body.pop("reset", False))
    return JsonResponse(faults.as_dict(faults.apply(number, body, reset=reset)))


@control_call
def number_settings(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Quality, throughput and webhook address of a number, and the tier of its portfolio; each with the notice that the platform sends."""
    number = play.find_number(slug)
    wanted = posted(request)
    for name, value in wanted.items():
        if name not in NUMBER_KNOBS or not isinstance(value, NUMBER_KNOBS[name]):
            raise Refused(f"cannot set {name} to {value!r}")
    with transaction.atomic(using=ALIAS):
        for name, value in wanted.items():
            ratings.change(number, name, value)
    return JsonResponse({name: getattr(number, name) for name in NUMBER_KNOBS})


@control_call
def template_status(request: HttpRequest, slug: str) -> HttpResponseBase:
    """What the platform does to a template, with its webhook: `{"name", "language"?, "status"?, "reason"?, "quality"?, "category"?,
    "announce"?}`."""
    body = posted(request)
    found = MessageTemplate.objects.select_related("number").filter(number=play.find_number(slug), name=body["name"])
    rows = list(found.filter(language=body["language"]) if body.get("language") else found)
    for template in rows:
        review.apply(template, body)
    return JsonResponse({"changed": len(rows)})


@control_call
def log(request: HttpRequest) -> HttpResponse:
    """JSON lines, oldest first, ids above `since`; `kind` and `number` narrow, `limit` up to 5,000."""
    since, limit = int(request.GET.get("since", 0)), min(int(request.GET.get("limit", 1000)), 5000)
    rows = history.page(since, request.GET.get("kind", ""), limit, request.GET.get("number", ""))
    lines = "".join(json.dumps(row, ensure_ascii=False, cls=DjangoJSONEncoder) + "\n" for row in rows)
    return HttpResponse(lines, content_type="application/x-ndjson")


@control_call
def summary(request: HttpRequest) -> HttpResponseBase:
    return JsonResponse(history.summary())
