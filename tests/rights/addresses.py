"""Every address that the product answers, from the resolver itself, and which row stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver

from tests.rights.world import World

# The stand-ins for WhatsApp and the CRMs: a toy that is not installed in production and has no users.
NOT_OURS = ("sandbox/",)
# Below /admin/, which row the number in a page's address is of; the longest beginning counts.
ROWS = {
    "inbox/": "conversations.conversation",
    "inbox/coupons/": "commerce.coupon",
    "inbox/later/": "conversations.latermessage",
    "inbox/messages/": "conversations.message",
    "inbox/files/": "conversations.attachment",
    "inbox/tags/": "tags.tagassignment",
    "messages/": "conversations.message",
    "files/": "conversations.attachment",
    "files/message/": "conversations.message",
    "review/duplicates/": "contacts.duplicatecase",
    "review/differences/": "contacts.fieldconflict",
    "review/differences/rules/": "contacts.fieldrule",
    "merges/": "contacts.merge",
    "people/": "contacts.contact",
    "imports/": "contacts.import",
    "setup/": "connections.connection",
    "sync/samples/": "sync.verifiedrecord",
    "sync/mapping/": "sync.mappedfield",
    "campaigns/segment/": "campaigns.segment",
    "campaigns/campaign/": "campaigns.campaign",
    "campaigns/recipient/": "campaigns.recipient",
    "r/": "contacts.contact",
    "staff/user/": "staff.user",
}
API = {
    "contacts": "contacts.contact",
    "identities": "contacts.identity",
    "tags": "tags.tagassignment",
    "conversations": "conversations.conversation",
    "messages": "conversations.message",
    "events": "contacts.event",
    "decisions": "conversations.decision",
    "orders": "commerce.order",
    "hooks": "hooks.endpoint",
    "templates": "conversations.messagetemplate",
    "campaigns": "campaigns.campaign",
    "recipients": "campaigns.recipient",
}
# What stands in the other places of an address.
WORDS = {
    "provider": "whatsapp", "adapter": "line", "kind": "contact", "key": "all", "slug": "first-response", "app_label": "contacts",
    "url": "nowhere", "rest": "nowhere", "export": "1", "content_type_id": "1", "what": "empty",
}  # fmt: skip
_PLACE = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^()]*\)")


@dataclass(frozen=True)
class Address:
    """`route`: as the resolver writes it, without marks of expressions. `row`: the model whose key stands in it."""

    route: str
    row: type[models.Model] | None

    def path(self, world: World, side: str) -> str:
        def filled(found: re.Match[str]) -> str:
            name = found[1] or found[2]
            if name in WORDS:
                return WORDS[name]
            assert self.row is not None, f"{self.route}: say in tests/rights/addresses.py which row <{name}> is"
            return str(world.row(self.row, side).pk)

        return "/" + _PLACE.sub(filled, self.route)


def addresses() -> list[Address]:
    found = {_plain(route): pattern for route, pattern in _walk(get_resolver().url_patterns, "") if not route.startswith(NOT_OURS)}
    return [Address(route, _row(route, pattern)) for route, pattern in sorted(found.items())]


def _walk(patterns: Iterable[Any], before: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        else:
            yield route, pattern


def _plain(route: str) -> str:
    return route.replace("^", "").replace("$", "")


def _row(route: str, pattern: URLPattern) -> type[models.Model] | None:
    if not _PLACE.search(route):
        return None
    admin = getattr(pattern.callback, "model_admin", None)
    if admin is not None:
        return admin.model  # type: ignore[no-any-return]
    if route.startswith("api/v1/"):
        name = API.get(route.split("/")[2])
        return apps.get_model(name) if name else None
    below = route.removeprefix("admin/")
    fitting = [start for start in ROWS if below.startswith(start)]
    return apps.get_model(ROWS[max(fitting, key=len)]) if fitting else None
