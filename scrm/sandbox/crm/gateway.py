"""The one door to the API: who asks, how often, what goes wrong on purpose, and how an answer or an error is written.

Order: this machine only; token; limits; faults; then the endpoint in one transaction; then perhaps losing its answer.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from . import faults, limits
from .account import API_VERSIONS, account
from .loopback import loopback_only
from .models import Account, Call
from .records import Actor, atomic
from .wire import ApiError, Json, correlation_id, parse_body

APP_NAME = "Sandbox app"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call as an endpoint sees it: parsed body, query, who asks."""

    request: HttpRequest
    account: Account
    actor: Actor
    body: Json

    def query(self, name: str, default: str = "") -> str:
        return self.request.GET.get(name, default)

    def listed(self, name: str) -> list[str]:
        """A comma-separated (or repeated) query parameter."""
        return [part.strip() for value in self.request.GET.getlist(name) for part in value.split(",") if part.strip()]

    def flag(self, name: str) -> bool:
        return self.query(name) == "true"


Answer: TypeAlias = "tuple[int, Json | None]"
Endpoint: TypeAlias = Callable[..., Answer]


def endpoint(**methods: Endpoint) -> Callable[..., HttpResponse]:
    """A view from one function a method: GET=..., POST=... . Each takes an Exchange and the path's parts."""

    @csrf_exempt
    @loopback_only
    def view(request: HttpRequest, **path: str) -> HttpResponse:
        identifier = correlation_id()
        try:
            response = _serve(request, identifier, methods, path)
        except ApiError as error:
            response = JsonResponse(error.body(identifier), status=error.status)
        response["X-HubSpot-Correlation-Id"] = identifier
        return response

    return view


def _serve(request: HttpRequest, identifier: str, methods: dict[str, Endpoint], path: dict[str, str]) -> HttpResponse:
    own = account()
    _authenticate(request, own)
    budget = limits.register(request, own)
    try:
        response = _answer(request, own, identifier, budget, methods, path)
    except ApiError as error:
        response = JsonResponse(error.body(identifier), status=error.status)
    Call.objects.filter(pk=budget.call.pk).update(status=response.status_code)
    for name, value in budget.headers.items():
        response[name] = value
    return response


def _authenticate(request: HttpRequest, own: Account) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), own.access_token.encode()):
        raise faults.unauthenticated("Authentication credentials not found. This API supports OAuth 2.0 authentication.")


def _answer(
    request: HttpRequest, own: Account, identifier: str, budget: limits.Budget, methods: dict[str, Endpoint], path: dict[str, str]
) -> HttpResponse:
    if budget.refusal is not None:
        raise budget.refusal
    struck = faults.strike(own, request.path)
    if (instead := faults.instead_of_work(struck, own)) is not None:
        return instead
    status, body = _work(request, own, identifier, methods, path)
    if struck == "lost_answer":
        return faults.page(502, "Bad gateway")
    return HttpResponse(status=status) if body is None else JsonResponse(body, status=status)


def _work(request: HttpRequest, own: Account, identifier: str, methods: dict[str, Endpoint], path: dict[str, str]) -> Answer:
    version = path.pop("version", API_VERSIONS[0])
    if version not in API_VERSIONS:
        raise ApiError(404, "OBJECT_NOT_FOUND", f"Version {version} is not served; served: {', '.join(API_VERSIONS)}")
    serve = methods.get(request.method or "")
    if serve is None:
        raise ApiError(405, "METHOD_NOT_ALLOWED", "HTTP 405 Method Not Allowed")
    actor = Actor(APP_NAME, "INTEGRATION", identifier)
    exchange = Exchange(request, own, actor, {} if request.method in {"GET", "DELETE"} else _body(request))
    with atomic():
        return serve(exchange, **path)


def _body(request: HttpRequest) -> Json:
    raw = request.body.strip()
    return {"inputs": _bare_list(raw)} if raw.startswith(b"[") else parse_body(raw)


def _bare_list(raw: bytes) -> object:
    return parse_body(b'{"list":' + raw + b"}")["list"]
