"""Every refusal in one shape: {"error": {"code", "message", and for bad input "fields"}}."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from rest_framework import exceptions, status
from rest_framework.response import Response

from scrm.core.logs import trail

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5


class Refused(exceptions.APIException):
    """A rule of ours says no: 409 with what the caller needs to decide what to do next."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "refused"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


class KeyUsed(exceptions.APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_used"


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None for a fault of ours, which then takes Django's ordinary way to the log."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, OperationalError):
        logger.error("the database did not answer a partner's request: %s", trail(error))
        return _unavailable()
    if not isinstance(error, exceptions.APIException):
        return None
    return Response(body_of(error), status=error.status_code, headers=_headers(error))


def body_of(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        fields = error.detail if isinstance(error.detail, dict) else {"request": error.detail}
        return {"error": {"code": "invalid", "message": _("The request holds values that cannot be used."), "fields": fields}}
    content: dict[str, Any] = {"code": _code(error), "message": str(error.detail)}
    if isinstance(error, Refused):
        content |= error.details
    return {"error": content}


def _code(error: exceptions.APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else error.default_code


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers: dict[str, str] = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return headers


def _unavailable() -> Response:
    content = {"error": {"code": "unavailable", "message": _("The database does not answer. Try again in a few seconds.")}}
    return Response(content, status=status.HTTP_503_SERVICE_UNAVAILABLE, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def unknown_address(request: HttpRequest, rest: str = "") -> JsonResponse:
    """JSON also where no resource is, so that a partner's client never has to read a page."""
    content = {"code": "not_found", "message": _("There is nothing at this address. See /api/v1/schema/.")}
    return JsonResponse({"error": content}, status=404)
