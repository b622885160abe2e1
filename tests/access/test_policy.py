"""A second look at who gets what, apart from the generated tables of tests/rights: the resolver is walked here anew, everybody logs in by
their password, and what is to be expected is a small policy written by hand.

Pages are not drawn. An address that leads to a customer's row is asked for with a row of the own team and one of the other's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.template.backends.django import Template
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from scrm.api.scopes import SCOPES, UNLIMITED
from scrm.api.services import issue_token
from tests.access import policy
from tests.access.shop import CAST, Shop, logged_in

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NOWHERE = "987654321"
# Open to everybody, or with a way in of their own, which is tested there.
OUTSIDE = re.compile(r"^($|webhooks/|healthz|readyz|metrics|i18n/|sandbox/|admin/log(in|out)/)")
# Say 403 or 404 to whoever does not say what they look for, or lead on to a page that is asked for itself.
ASKING = re.compile(r"^admin/(autocomplete/|search/|r/|\(\?P<(app_label|url)>|\w+/\w+/<path:object_id>/$)")
# What asking and being logged in write of themselves.
OF_ITSELF = ("django_session", "staff_user", "core_audit", "staff_secondfactor", "console_typingnotice")
# Which row an address means, where it is no page of the admin's own.
MEANT = (
    ("admin/inbox/messages/", "conversations.message"),
    ("admin/inbox/later/", "conversations.latermessage"),
    ("admin/inbox/files/", "conversations.attachment"),
    ("admin/inbox/tags/", "tags.tagassignment"),
    ("admin/inbox/coupons/", "commerce.coupon"),
    ("admin/inbox/", "conversations.conversation"),
    ("admin/messages/", "conversations.message"),
    ("admin/files/message/", "conversations.message"),
    ("admin/files/", "conversations.attachment"),
    ("admin/people/", "contacts.contact"),
    ("admin/review/duplicates/", "contacts.duplicatecase"),
    ("admin/review/differences/rules/", ""),
    ("admin/review/differences/", "contacts.fieldconflict"),
    ("admin/merges/", "contacts.merge"),
    ("admin/setup/", "connections.connection"),
    ("api/v1/contacts/", "contacts.contact"),
    ("api/v1/identities/", "contacts.identity"),
    ("api/v1/tags/", "tags.tagassignment"),
    ("api/v1/conversations/", "conversations.conversation"),
    ("api/v1/messages/", "conversations.message"),
    ("api/v1/events/", "contacts.event"),
    ("api/v1/decisions/", "conversations.decision"),
    ("api/v1/orders/", "commerce.order"),
)
SHARED = {"", "connections.connection", "tags.tag", "automation.rule", "console.macro"}
# Keys in the second place, and whose they are.
SECOND = {"macro": "console.macro", "export": "contacts.personexport"}
# Pages of an account that only some kinds of accounts have.
UNSURE = "admin/setup/<int:pk>/"
# Read pages that answer every method alike.
LEVEL = re.compile(r"/history/$|^admin/conversations/decision/")
# Addresses with a word in them that leads somewhere.
KNOWN = {"admin/reports/<slug:slug>/"}
WORDS = {
    "provider": "whatsapp",
    "slug": "first-response",
    "adapter": "whatsapp_cloud",
    "kind": "contact",
    "what": "filled",
    "key": "x",
    "rest": "x",
}


def walked(resolver: Any = None, before: str = "") -> Iterator[str]:
    """Every address of the product, as it is written in the resolver."""
    for each in (resolver or get_resolver()).url_patterns:
        route = before + str(each.pattern).lstrip("^").rstrip("$").removesuffix("\\Z")
        if isinstance(each, URLResolver):
            yield from walked(each, route)
        elif isinstance(each, URLPattern):
            yield route


def meant(route: str) -> str:
    """The label of the model that the first key of the address names; "" for none that the shop has."""
    model = "/".join(route.split("/")[1:3])
    if model in policy.MODELS:
        return model.replace("/", ".")
    return next((label for prefix, label in MEANT if route.startswith(prefix)), "")


def filled(route: str, rows: dict[str, dict[str, int]], side: str) -> str:
    """The address with a row of this side in the place of its key; nobody's number where the shop has none."""

    def value(match: re.Match[str]) -> str:
        name = match["named"] or match["plain"]
        return WORDS[name] if name in WORDS else str(rows.get(SECOND.get(name, meant(route)), {}).get(side, NOWHERE))

    path = re.sub(r"\(\?P<(?P<named>\w+)>(?:[^()]|\([^()]*\))*\)|<(?:\w+:)?(?P<plain>\w+)>", value, route)
    return "/" + path.replace("\\", "")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Shop:
    settings.MEDIA_ROOT = str(tmp_path)
    monkeypatch.setattr(Template, "render", lambda *args, **kwargs: "")
    monkeypatch.setattr(admin.site, "each_context", lambda request: {})
    return Shop()


@contextmanager
def watched() -> Iterator[list[str]]:
    """The tables that are written to meanwhile, apart from what every request writes; all of it is taken back."""
    written: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = re.match(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)', sql)
        if found and not found[1].startswith(OF_ITSELF):
            written.append(found[1])
        return execute(sql, params, many, context)

    with transaction.atomic(), connection.execute_wrapper(watch):
        yield written
        transaction.set_rollback(True)


def kind_of(answer: HttpResponseBase) -> str:
    if answer.status_code == 302 and "/admin/login/" in answer.headers["Location"]:
        return "login"
    named = {401: "unknown", 403: "refused", 404: "absent", 405: "method"}
    return named.get(answer.status_code, "broken" if answer.status_code >= 500 else "served")


def methods_of(route: str, turn: int) -> tuple[str, ...]:
    """All; of the admin's own pages, which build a form each time, one in turn of those that Django answers like DELETE."""
    own = "/".join(route.split("/")[1:3]) in policy.MODELS
    return ("GET", "POST", "DELETE", ("PUT", "PATCH", "OPTIONS")[turn % 3]) if own else METHODS


def asked(client: Client, method: str, path: str, **headers: str) -> tuple[str, list[str]]:
    kind = "application/json" if path.startswith("/api/") else "application/x-www-form-urlencoded"
    with watched() as written:
        answer = client.generic(method, path, b"", content_type=kind, headers=headers)
    return kind_of(answer), written


def sides(route: str) -> tuple[str, ...]:
    label = meant(route)
    return ("ours", "theirs") if label and label not in SHARED and "<" in route else ("ours",)


def console_wanted(route: str, method: str, letter: str, far: bool, known: bool) -> set[str]:
    """What may come of it. `far`: the row is another team's and the role sees a part; `known`: there is such a row at all."""
    if ASKING.match(route):
        return {"absent", "refused", "served", "method"}
    look, act = policy.of(route)
    looks, acts = (who == policy.ANYBODY or letter in who for who in (look, act))
    if not looks and not acts:
        return {"refused"} if method == "GET" and look != policy.NOBODY else {"refused", "method"}
    if method == "GET":
        found = {"served"} if looks else {"method"}
    elif acts:
        found = {"served"} if method == "POST" and act != policy.ANYBODY else {"served", "method"}
    else:
        # Without effect; a page of the admin answers what it does not know like GET.
        found = {"refused", "method"} | ({"served"} if method != "POST" or LEVEL.search(route) else set())
    if far:
        return (found - {"served"}) | {"absent"}
    return found if known else found | {"absent"}


class Console:
    def test_gives_every_role_what_the_policy_says_and_nothing_else(self, shop: Shop) -> None:
        routes = [route for route in walked() if route.startswith("admin/") and not OUTSIDE.match(route)]
        assert len(routes) > 300
        wrong = []
        for name in CAST:
            letter, own = CAST[name]
            client = logged_in(name)
            for turn, route in enumerate(routes):
                known = bool(shop.rows.get(meant(route))) or "<" not in route or route in KNOWN
                for side in sides(route):
                    far = own is not None and side != own and len(sides(route)) > 1 and known
                    path = filled(route, shop.rows, side)
                    for method in methods_of(route, turn):
                        wanted = console_wanted(route, method, letter, far, known and not route.startswith(UNSURE))
                        found, written = asked(client, method, path)
                        if found not in wanted:
                            wrong.append(f"{name} {method} {path} ({side}): {found}, wanted {sorted(wanted)}")
                        if written and method != "GET" and (far or not self.acts(route, letter)):
                            wrong.append(f"{name} {method} {path} ({side}): wrote to {sorted(set(written))}")
        assert not wrong, f"{len(wrong)} disagree\n" + "\n".join(wrong[:150])

    def acts(self, route: str, letter: str) -> bool:
        act = policy.of(route)[1]
        return act == policy.ANYBODY or letter in act

    def test_asks_strangers_and_those_without_a_role_for_nothing_but_a_log_in(self, shop: Shop) -> None:
        stranger, idle = logged_in(""), logged_in("no-role")
        wrong = []
        for turn, route in enumerate(walked()):
            if not route.startswith("admin/") or OUTSIDE.match(route):
                continue
            path = filled(route, shop.rows, "ours")
            for method in methods_of(route, turn):
                found, written = asked(stranger, method, path)
                if found != "login" or written:
                    wrong.append(f"stranger {method} {path}: {found} {written}")
                found, written = asked(idle, method, path)
                if written or found not in console_wanted(route, method, "-", False, True):
                    wrong.append(f"no role {method} {path}: {found} {written}")
        assert not wrong, f"{len(wrong)} disagree\n" + "\n".join(wrong[:150])


class PartnerApi:
    def test_gives_every_token_what_its_scopes_say(self, shop: Shop) -> None:
        limited = set(SCOPES) - UNLIMITED
        past = timezone.now() - timedelta(minutes=1)
        tokens: dict[str, tuple[str, set[str], bool]] = {
            "nobody": ("", set(), False),
            "forged": ("scrm_" + "x" * 40, set(), False),
            "expired": (issue_token("expired", SCOPES, past)[1], set(), False),
            "none": (issue_token("none", [])[1], set(), True),
            "everything": (issue_token("everything", SCOPES)[1], set(SCOPES), True),
            "channel": (issue_token("channel", limited, channels=[shop.numbers["ours"]])[1], limited, True),
            **{scope: (issue_token(scope, [scope])[1], {scope}, True) for scope in ("contacts:read", "messages:write", "hooks:write")},
        }
        client, wrong = Client(raise_request_exception=False), []
        for route in (route for route in walked() if route.startswith("api/") and "schema" not in route):
            for name, (token, scopes, good) in tokens.items():
                for side in sides(route):
                    path = filled(route, shop.rows, side)
                    far = name == "channel" and side == "theirs"
                    for method in METHODS:
                        headers = {"authorization": f"Bearer {token}"} if token else {}
                        found, written = asked(client, method, path, **headers)
                        wanted = self.wanted(route, method, scopes if good else None, far)
                        if found not in wanted or (written and set(written) - {"api_partnertoken"}):
                            wrong.append(f"{name} {method} {path} ({side}): {found} {written}, wanted {sorted(wanted)}")
        assert not wrong, f"{len(wrong)} disagree\n" + "\n".join(wrong[:150])

    def wanted(self, route: str, method: str, scopes: set[str] | None, far: bool) -> set[str]:
        resource = route.split("/")[2]
        if resource not in policy.API:
            return {"absent"}
        if scopes is None:
            return {"unknown"}
        if method == "OPTIONS":
            return {"served"}
        scope = policy.API[resource].get(method)
        if scope is None:
            return {"method"}
        if scope not in scopes:
            return {"refused", "method"}
        if method == "GET" and resource != "hooks":
            return {"absent"} if far else {"served"} if meant(route) or "<" not in route else {"served", "absent"}
        return {"served", "method", "absent"}
