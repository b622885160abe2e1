"""Who calls: the bearer token must be the token of the number that the path names."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest

from scrm.sandbox import rows
from scrm.sandbox.graph.errors import GraphError
from scrm.sandbox.models import Faults, Number


def bearer(request: HttpRequest) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise GraphError(190, "An access token is required to request this resource.")
    return token.strip()


def caller(request: HttpRequest) -> Number:
    """The number whose token this is; 190 when it is nobody's or has been declared expired."""
    number = rows.first(Number, access_token=bearer(request))
    if number is None:
        raise GraphError(190, "Invalid OAuth access token - Cannot parse access token")
    faults = rows.first(Faults, number_id=number.pk)
    if faults is None:
        raise Number.faults.RelatedObjectDoesNotExist(f"{number} has no faults")
    faults.number = number
    if faults.token_expired:
        raise GraphError(190, "Error validating access token: Session has expired.", subcode=463)
    return number


def json_body(request: HttpRequest) -> Any:
    """The body; 100 for what is no JSON or holds half a surrogate pair, which no database takes as text."""
    try:
        body = json.loads(request.body or b"{}")
        json.dumps(body, ensure_ascii=False).encode()
        return body
    except (ValueError, RecursionError) as error:
        raise GraphError(100, "The body is not valid JSON") from error
