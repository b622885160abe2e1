"""Message templates of a business account: paged list, creation and change (PENDING, then reviewed), removal, end of a pause."""

from __future__ import annotations

import base64
import time
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from scrm.sandbox import review
from scrm.sandbox.graph.access import caller, json_body
from scrm.sandbox.graph.answers import graph_call, wrong_method
from scrm.sandbox.graph.errors import GraphError, missing_object
from scrm.sandbox.graph.template_form import as_shown, check_creation, check_edit
from scrm.sandbox.identifiers import new_object_id
from scrm.sandbox.models import MessageTemplate, Number
from scrm.sandbox.router import ALIAS

MOST_TEMPLATES = 250
MOST_EDITS_A_DAY, MOST_EDITS_A_MONTH = 1, 10
DAY = 86_400.0


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


def create(number: Number, body: dict[str, Any], *, review_seconds: float = review.REVIEW_SECONDS) -> dict[str, Any]:
    """Stored as PENDING; after the review a status update goes out and the template is APPROVED, or REJECTED."""
    check_creation(body)
    category = body["category"]
    if category == "UTILITY" and body.get("allow_category_change") and review.sounds_like_an_offer(body["components"]):
        category = "MARKETING"
    with transaction.atomic(using=ALIAS):
        existing = MessageTemplate.objects.filter(number=number)
        if existing.count() >= MOST_TEMPLATES:
            raise GraphError(2388019, "The account has 250 templates already")
        if existing.filter(name=body["name"], language=body["language"].replace("-", "_")).exists():
            raise GraphError(100, "There is already content in this language for this template", subcode=2388024)
        template = MessageTemplate.objects.create(
            template_id=new_object_id(16),
            number=number,
            name=body["name"],
            language=body["language"].replace("-", "_"),
            category=category,
            parameter_format=body.get("parameter_format", "POSITIONAL"),
            components=as_shown(body["components"], category),
        )
        review.start_review(template, seconds=review_seconds)
    return {"id": template.template_id, "status": "PENDING", "category": template.category}


def edit(template: MessageTemplate, body: dict[str, Any]) -> dict[str, Any]:
    """New components or category, then a new review. An approved one once a day, ten times in 30 days, and never its category."""
    body = _upper_case(body)
    check_edit(body, template.category)
    now, status = time.time(), template.current_status
    if status not in ("APPROVED", "REJECTED", "PAUSED"):
        raise GraphError(100, f"A template that is {status} cannot be edited", subcode=2388039)
    if status == "APPROVED" and body.get("category", template.category) != template.category:
        raise GraphError(100, "The category of an approved template cannot be changed", subcode=2388041)
    edits = [at for at in template.edits if at > now - 30 * DAY]
    if status != "REJECTED" and (len(edits) >= MOST_EDITS_A_MONTH or sum(at > now - DAY for at in edits) >= MOST_EDITS_A_DAY):
        raise GraphError(100, "An approved template can be edited once a day and ten times in 30 days", subcode=2388042)
    with transaction.atomic(using=ALIAS):
        template.category = body.get("category", template.category)
        template.components = as_shown(body["components"], template.category) if "components" in body else template.components
        template.edits = edits if status == "REJECTED" else [*edits, now]
        template.save(update_fields=["category", "components", "edits"])
        review.start_review(template)
    return {"success": True}


@graph_call
def unpause(request: HttpRequest, template_id: str) -> HttpResponseBase:
    number = caller(request)
    template = MessageTemplate.objects.select_related("number").filter(number=number, template_id=template_id).first()
    if request.method != "POST":
        raise wrong_method(request)
    if template is None:
        raise missing_object(template_id)
    if template.current_status != "PAUSED":
        raise GraphError(100, "The template is not paused")
    review.change_status(template, "APPROVED")
    return JsonResponse({"success": True})


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
    for name in ("buttons", "components", "cards"):
        if isinstance(raised.get(name), list):
            raised[name] = [_upper_component(inner) for inner in raised[name]]
    return raised


def _delete(request: HttpRequest, number: Number) -> dict[str, Any]:
    name = request.GET.get("name", "")
    found = MessageTemplate.objects.filter(number=number, name=name)
    if request.GET.get("hsm_id"):
        found = found.filter(template_id=request.GET["hsm_id"])
    if not name or not found.exists():
        raise GraphError(100, f"template name ({name}) does not exist", subcode=2593002)
    found.delete()
    return {"success": True}
