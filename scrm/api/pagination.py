"""Pages by position, not by number: page 10,000 costs what page 1 costs, and nothing is counted.

The cursor holds the ordering values of the last row of a page, the id last, so rows that share a time are neither skipped nor
given twice, and rows added meanwhile do not shift the pages.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import Field, Model, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

DEFAULT_PAGE_SIZE = 50
LARGEST_PAGE = 200
LONGEST_CURSOR = 500
LARGEST_ID = 2**63 - 1


class KeysetPagination(BasePagination):
    """`?page_size=` (default 50, at most 200) and `?cursor=` from the previous answer's `next`.

    A view names its order in `keyset`, for example ("-sent_at", "-id"): one direction throughout, ending in the id.
    """

    next_url: str | None = None

    def paginate_queryset(self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: Any = None) -> list[Any]:
        if not isinstance(queryset, QuerySet):
            raise TypeError("pages by position need a queryset")
        keyset: tuple[str, ...] = getattr(view, "keyset", ("-id",))
        size = _page_size(request.query_params.get("page_size"))
        if (cursor := request.query_params.get("cursor")) is not None:
            queryset = queryset.filter(_after(queryset.model, keyset, cursor))
        # One row more than the page tells whether there is another page.
        found = list(queryset.order_by(*keyset)[: size + 1])
        page = found[:size]
        if len(found) > size:
            self.next_url = replace_query_param(request.build_absolute_uri(), "cursor", _cursor_of(page[-1], keyset))
        return page

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.next_url, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        following = {"type": ["string", "null"], "format": "uri", "description": "The next page, or null on the last one."}
        return {"type": "object", "required": ["next", "results"], "properties": {"next": following, "results": schema}}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "default": DEFAULT_PAGE_SIZE}
        return [
            {"name": "page_size", "in": "query", "required": False, "schema": size, "description": f"Rows a page, at most {LARGEST_PAGE}."},
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "schema": {"type": "string"},
                "description": "From the previous page's `next`.",
            },
        ]


def _page_size(raw: str | None) -> int:
    if raw is None:
        return DEFAULT_PAGE_SIZE
    if not (raw.isascii() and raw.isdigit() and len(raw) <= 20 and int(raw) > 0):
        raise ValidationError({"page_size": [_("Write a whole number from 1 to %(most)s.") % {"most": LARGEST_PAGE}]})
    return min(int(raw), LARGEST_PAGE)


def _cursor_of(row: Model, keyset: tuple[str, ...]) -> str:
    values = [getattr(row, name.lstrip("-")) for name in keyset]
    text = json.dumps([value if isinstance(value, int) else value.isoformat() for value in values])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _after(model: type[Model], keyset: tuple[str, ...], cursor: str) -> Q:
    """The rows behind the cursor: for (a, id), a beyond, or a equal and id beyond; the leading bound lets an index start there."""
    values = _values_of(model, keyset, cursor)
    beyond = "lt" if keyset[0].startswith("-") else "gt"
    names = [name.lstrip("-") for name in keyset]
    condition, equal = Q(pk__in=[]), Q()
    for name, value in zip(names, values, strict=True):
        condition |= equal & Q(**{f"{name}__{beyond}": value})
        equal &= Q(**{name: value})
    return condition & Q(**{f"{names[0]}__{beyond}e": values[0]})


def _values_of(model: type[Model], keyset: tuple[str, ...], cursor: str) -> list[Any]:
    refusal = ValidationError({"cursor": [_("Take the cursor from the previous answer's 'next'; this one cannot be read.")]})
    if len(cursor) > LONGEST_CURSOR:
        raise refusal
    try:
        values = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if not isinstance(values, list) or len(values) != len(keyset):
            raise refusal
        return [_value_of(model, name.lstrip("-"), value) for name, value in zip(keyset, values, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error, ModelValidationError, FieldDoesNotExist):
        raise refusal from None


def _value_of(model: type[Model], name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(name)
    if isinstance(value, int) and not 0 <= value <= LARGEST_ID:
        raise ValueError(name)
    field = model._meta.get_field(name)
    result = field.to_python(value) if isinstance(field, Field) else None
    if result is None or (hasattr(result, "tzinfo") and result.tzinfo is None):
        raise ValueError(name)
    return result
