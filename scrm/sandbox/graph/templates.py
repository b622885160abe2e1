"""Message templates of a business account: paged list, creation (PENDING, then APPROVED), removal."""

from __future__ import annotations

import base64
import re
import time
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from scrm.sandbox.graph.access import caller, json_body
from scrm.sandbox.graph.answers import graph_call, wrong_method
from scrm.sandbox.graph.contract import anything, array, by_type, integer, one_of, record, text
from scrm.sandbox.graph.errors import GraphError, missing_object
from scrm.sandbox.graph.template_match import VARIABLE
from scrm.sandbox.identifiers import new_object_id
from scrm.sandbox.models import MessageTemplate, Number, PendingUpdate
from scrm.sandbox.router import ALIAS
from scrm.sandbox.updates import pending

REVIEW_SECONDS = 3.0
MOST_TEMPLATES = 250
CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
FORMATS = ("TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION")
_example = {"example": record({}, closed=False)}
_phrase = text(most=25)
BUTTON = by_type(
    {
        "QUICK_REPLY": record({"type": anything, "text": _phrase}),
        "URL": record({"type": anything, "text": _phrase, "url": text(most=2000)}, {"example": anything}),
        "PHONE_NUMBER": record({"type": anything, "text": _phrase, "phone_number": text(most=20)}),
        "COPY_CODE": record({"type": anything}, {"example": anything, "text": _phrase}),
        "REQUEST_CONTACT_INFO": record({"type": anything}, {"text": _phrase}),
        "OTP": record({"type": anything}, closed=False),
        "FLOW": record({"type": anything, "text": _phrase}, closed=False),
        "CATALOG": record({"type": anything, "text": _phrase}),
    }
)
COMPONENT = by_type(
    {
        "HEADER": record({"type": anything, "format": one_of(*FORMATS)}, {"text": text(most=60), **_example}),
        "BODY": record({"type": anything, "text": text(most=1024)}, {**_example, "add_security_recommendation": anything}),
        "FOOTER": record({"type": anything}, {"text": text(most=60), "code_expiration_minutes": integer}),
        "BUTTONS": record({"type": anything, "buttons": array(BUTTON, least=1, most=10)}),
    }
)
CREATION = record(
    {
        "name": text(most=512, pattern=r"[a-z0-9_]+"),
        "language": text(pattern=r"[a-z]{2,3}([_-][A-Za-z]{2,4})?"),
        "category": one_of(*CATEGORIES),
        "components": array(COMPONENT, least=1),
    },
    {"parameter_format": one_of("POSITIONAL", "NAMED"), "message_send_ttl_seconds": integer, "allow_category_change": anything},
)


@graph_call
def templates(request: HttpRequest, waba_id: str) -> HttpResponseBase:
    number = caller(request)
    if number.waba_id != waba_id:
        raise missing_object(waba_id)
    if request.method == "GET":
        return JsonResponse(_page(request, number))
    if request.method == "POST":
        return JsonResponse(create(number, _upper_case(json_body(request))))
    if request.method == "DELETE":
        return JsonResponse(_delete(request, number))
    raise wrong_method(request)


def _page(request: HttpRequest, number: Number) -> dict[str, Any]:
    """One page by cursor; `paging.next` is there only when more follows."""
    limit = _limit(request.GET.get("limit", "25"))
    found = MessageTemplate.objects.filter(number=number, pk__gt=_after(request.GET.get("after", "")))
    for field in ("name", "language"):
        if request.GET.get(field):
            found = found.filter(**{field: request.GET[field]})
    rows = [t for t in found if _wanted(t, request)][: limit + 1]
    page: dict[str, Any] = {"data": [t.node() for t in rows[:limit]]}
    if rows:
        last = _cursor(rows[min(limit, len(rows)) - 1].pk)
        page["paging"] = {"cursors": {"before": _cursor(rows[0].pk), "after": last}}
        if len(rows) > limit:
            query = request.GET.copy()
            query["after"] = last
            page["paging"]["next"] = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
    return page


def _wanted(template: MessageTemplate, request: HttpRequest) -> bool:
    status, category = request.GET.get("status", ""), request.GET.get("category", "")
    return (not status or template.current_status == status.upper()) and (not category or template.category == category.upper())


def _limit(raw: str) -> int:
    if not raw.isdecimal() or not 1 <= int(raw) <= 1000:
        raise GraphError(100, "Param limit lies between 1 and 1000")
    return int(raw)


def _cursor(pk: int) -> str:
    return base64.urlsafe_b64encode(f"t:{pk}".encode()).decode()


def _after(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("t:"))
    except ValueError as error:
        raise GraphError(131059, "The cursor is not valid any more") from error


def create(number: Number, body: dict[str, Any], *, review_seconds: float = REVIEW_SECONDS) -> dict[str, Any]:
    """Stored as PENDING; after the review a status update goes out and the template is APPROVED."""
    CREATION(body, "template")
    for component in body["components"]:
        _check_variables(component)
    if sum(component["type"] == "BODY" for component in body["components"]) != 1:
        raise GraphError(100, "A template has exactly one BODY component")
    with transaction.atomic(using=ALIAS):
        existing = MessageTemplate.objects.filter(number=number)
        if existing.count() >= MOST_TEMPLATES:
            raise GraphError(2388019, "The account has 250 templates already")
        if existing.filter(name=body["name"], language=body["language"]).exists():
            raise GraphError(100, "There is already content in this language for this template", subcode=2388024)
        template = MessageTemplate.objects.create(
            template_id=new_object_id(16),
            number=number,
            name=body["name"],
            language=body["language"].replace("-", "_"),
            category=body["category"],
            approve_at=time.time() + review_seconds,
            parameter_format=body.get("parameter_format", "POSITIONAL"),
            components=body["components"],
        )
        PendingUpdate.objects.bulk_create([_approval(number, template, review_seconds)])
    return {"id": template.template_id, "status": "PENDING", "category": template.category}


def _approval(number: Number, template: MessageTemplate, after: float) -> PendingUpdate:
    value = {
        "event": "APPROVED",
        "message_template_id": int(template.template_id),
        "message_template_name": template.name,
        "message_template_language": template.language,
        "reason": "NONE",
    }
    return pending(number, value, [(template.template_id, "APPROVED")], field="message_template_status_update", after=after)


def _check_variables(component: dict[str, Any]) -> None:
    content = component.get("text", "")
    if component["type"] != "BODY" or not VARIABLE.search(content):
        return
    stripped = content.strip()
    if re.match(r"\{\{", stripped) or re.search(r"\}\}$", stripped):
        raise GraphError(2388299, "Variables cannot be at the start or end of the body")
    if "example" not in component:
        raise GraphError(100, "A body with variables needs an example")


def _upper_case(body: Any) -> dict[str, Any]:
    """Type words may come in either case; they are kept in capitals."""
    if not isinstance(body, dict):
        raise GraphError(100, "The body must be a JSON object")
    raised = dict(body)
    for name in ("category", "parameter_format"):
        if isinstance(raised.get(name), str):
            raised[name] = raised[name].upper()
    if isinstance(raised.get("components"), list):
        raised["components"] = [_upper_component(component) for component in raised["components"]]
    return raised


def _upper_component(component: Any) -> Any:
    if not isinstance(component, dict):
        return component
    raised = {k: v.upper() if k in ("type", "format") and isinstance(v, str) else v for k, v in component.items()}
    if isinstance(raised.get("buttons"), list):
        raised["buttons"] = [_upper_component(button) for button in raised["buttons"]]
    return raised


def _delete(request: HttpRequest, number: Number) -> dict[str, Any]:
    name = request.GET.get("name", "")
    found = MessageTemplate.objects.filter(number=number, name=name)
    if request.GET.get("hsm_id"):
        found = found.filter(template_id=request.GET["hsm_id"])
    if not name or not found.exists():
        raise GraphError(132001, f"template name ({name}) does not exist")
    found.delete()
    return {"success": True}
