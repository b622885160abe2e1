"""Every field of a model, sent to every address that writes such rows: what is not on the form or in the schema does not change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.forms.models import model_to_dict
from django.test import Client, RequestFactory

from scrm.api.scopes import SCOPES
from scrm.api.services import issue_token
from scrm.contacts.models import Contact, Identity
from scrm.conversations.models import Conversation, Message
from scrm.core import clock
from scrm.hooks.models import Endpoint
from scrm.staff.models import User
from tests.rights import matrix
from tests.rights.world import OWN, World

LISTED = {"conversation", "text", "connection"}
pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.fixture
def world() -> World:
    return World()


def every_field(model: type[models.Model]) -> dict[str, Any]:
    """A value for each column, none of them what it is."""
    made: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        made[field.attname] = made[field.name] = _other(field)
    return made


def _other(field: Any) -> Any:
    if isinstance(field, models.BooleanField):
        return "on"
    if isinstance(field, models.DateTimeField):
        return "2001-02-03T04:05:06Z"
    return 1 if isinstance(field, models.IntegerField) or field.is_relation else "zz"


def stored(row: models.Model) -> dict[str, Any]:
    found: dict[str, Any] = type(row)._default_manager.filter(pk=row.pk).values().get()
    return found


class PartnersWhoWrite:
    def post(self, world: World, scope: str, path: str, body: dict[str, Any], **headers: str) -> Any:
        more = {"HTTP_AUTHORIZATION": f"Bearer {world.tokens[scope]}", **headers}
        return Client().post(f"/api/v1/{path}", json.dumps(body), content_type="application/json", **more)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "name", sorted({field.name for field in Message._meta.concrete_fields} - {"conversation", "text", "connection"})
    )
    def test_messages_are_told_that_a_field_is_unknown_and_nothing_is_sent(self, name: str, world: World) -> None:
        talk = world.row(Conversation, OWN)
        body = {"conversation": talk.pk, "text": "您好", name: every_field(Message)[name]}
        answer = self.post(world, "messages:write", "messages/", body, HTTP_IDEMPOTENCY_KEY="k1")
        assert answer.status_code == 400 and not Message.objects.exists()

    def test_webhooks_set_what_the_schema_lists_and_nothing_else(self, world: World) -> None:
        token, world.tokens["both"] = issue_token("both", SCOPES)
        address = "https://93.184.215.14/hook"
        answer = self.post(world, "both", "hooks/", {**every_field(Endpoint), "targetUrl": address, "event": "message.received"})
        assert answer.status_code == 201
        row = Endpoint.objects.get(token_id=token.pk)
        assert (row.url, row.events, row.label, row.created_at.year) == (address, ["message.received"], "93.184.215.14", clock.now().year)
        assert "zz" not in map(str, stored(row).values())


class StaffWhoWrite:
    @pytest.mark.parametrize(
        ("model", "role"), [(Contact, "agent"), (Contact, "supervisor"), (Identity, "supervisor"), (User, "administrator")]
    )
    def test_change_what_the_form_shows_and_nothing_else(self, model: type[models.Model], role: str, world: World) -> None:
        row, user = world.row(model, OWN), world.users[role]
        request = RequestFactory().get("/")
        request.user = user  # type: ignore[assignment]
        form = admin.site._registry[model].get_form(request, row, change=True)
        shown = {name: value for name, value in model_to_dict(row).items() if name in form.base_fields and value not in (None, "")}
        client, before = matrix.signed_in(world, role), stored(row)
        page = f"/admin/{model._meta.app_label}/{model._meta.model_name}/{row.pk}/change/"
        answer = client.post(page, {**every_field(model), **{name: _text(value) for name, value in shown.items()}})
        changed = {name for name, value in stored(row).items() if value != before[name]}
        allowed = set(form.base_fields) | {f"{name}_id" for name in form.base_fields}
        assert answer.status_code in {200, 302}
        assert changed - allowed - {"updated_at", "provenance", "session_epoch"} == set()

    @pytest.mark.parametrize("role", ["no-rights", "partner", "agent", "other-team", "supervisor"])
    def test_do_not_raise_themselves(self, role: str, world: World) -> None:
        user = world.users[role]
        assert user is not None
        before = stored(user)
        for path in (f"/admin/staff/user/{user.pk}/change/", f"/admin/staff/user/{user.pk}/password/", "/admin/auth/group/add/"):
            assert matrix.signed_in(world, role).post(path, every_field(User)).status_code == 403
        assert stored(user) == before | {"last_login": stored(user)["last_login"]}


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [getattr(each, "pk", each) for each in value]
    return json.dumps(value) if isinstance(value, dict) else value
