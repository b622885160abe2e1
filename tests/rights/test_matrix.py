"""Every address of the resolver, every method, every role and every scope, on one's own and on another team's rows: as the tables say.

Pages are not drawn here: what they show is tested elsewhere, and drawing them would take ten times as long. For the same reason the
roles' rights are read once, not with each of ten thousand requests. That PUT, PATCH and OPTIONS are answered like DELETE is asked of
every address by RIGHTS_EACH=1, which `make faults` sets, and of every sixth otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.template.backends.django import Template
from django.test import override_settings

from scrm.staff.backends import SlowBackend
from scrm.staff.models import User
from tests.rights import matrix
from tests.rights.world import DEACTIVATED, World

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
EACH = int(os.environ.get("RIGHTS_EACH", "6"))
SESSIONS = {"SESSION_ENGINE": "django.contrib.sessions.backends.cache"}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Iterator[World]:
    # A folder of its own: the other process of a run has the same one, and tests that remove files.
    settings.MEDIA_ROOT = str(tmp_path)
    monkeypatch.setattr(Template, "render", lambda *args, **kwargs: "")
    monkeypatch.setattr(admin.site, "each_context", lambda request: {})
    with override_settings(**SESSIONS):
        yield World()


@pytest.fixture
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[Any, User | None] = {}
    real = SlowBackend.get_user

    def get_user(self: SlowBackend, pk: Any) -> User | None:
        if pk not in known:
            known[pk] = real(self, pk)  # type: ignore[assignment]
        return known[pk]

    monkeypatch.setattr(SlowBackend, "get_user", get_user)


@pytest.mark.usefixtures("read_once")
class PermissionMatrix:
    @pytest.mark.parametrize(("name", "table"), [("console", matrix.console_table), ("api", matrix.api_table)])
    def test_is_as_written_and_has_a_line_for_every_address(
        self, name: str, table: Callable[[World], Iterable[str]], world: World, request: pytest.FixtureRequest
    ) -> None:
        found = list(table(world))
        file: Path = matrix.FOLDER / f"{name}.txt"
        if request.config.getoption("--write-matrix"):
            file.write_text("\n".join(found) + "\n")
        differing = matrix.differences(file.read_text().splitlines(), found)
        assert differing == [], "\n".join(["read each, then: pytest tests/rights --write-matrix", *differing[:60]])

    def test_counts_one_method_for_all_that_are_neither_get_nor_post(self, world: World) -> None:
        client = matrix.signed_in(world, "administrator")
        for address in matrix.console_addresses()[::EACH]:
            if address.route in matrix.ENDING:
                continue
            answers = {method: matrix.cell(world, address, method, client, {}) for method in ("DELETE", "PUT", "PATCH", "OPTIONS")}
            if answers["DELETE"] == "405" and answers["OPTIONS"] == "200":
                answers["OPTIONS"] = "405"  # a class of views says which methods it has
            if address.route in {"admin/login/", "admin/password_change/"}:
                answers["PUT"] = "405"  # Django reads it like a form that was posted empty
            assert len(set(answers.values())) == 1, (address.route, answers)


class WhoIsDeactivated:
    def test_gets_what_a_stranger_gets_although_a_session_is_open(self, world: World) -> None:
        client, stranger = matrix.signed_in(world, DEACTIVATED), matrix.signed_in(world, "anonymous")
        assert client.get("/admin/contacts/contact/").status_code == 200
        User.objects.filter(username=DEACTIVATED).update(is_active=False)
        for address in matrix.console_addresses():
            asked = (world, address, "GET")
            assert matrix.cell(*asked, client, {}) == matrix.cell(*asked, stranger, {}), address.route


class StaffWithoutRights:
    @pytest.mark.parametrize("path", ["imports/", "exports/", "contacts/contact/", "core/timetable/", "core/heartbeat/", "auth/group/"])
    def test_are_refused_where_much_goes_in_or_out(self, path: str, world: World) -> None:
        client = matrix.signed_in(world, "no-rights")
        assert [client.get(f"/admin/{path}").status_code, client.post(f"/admin/{path}").status_code] == [403, 403]

    def test_and_everybody_else_find_no_page_of_the_queue(self, world: World) -> None:
        """Its own pages run any function of the process for whoever may add a schedule: none is served."""
        assert not [address.route for address in matrix.addresses() if "django_q" in address.route]
