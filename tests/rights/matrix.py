"""The table of who gets what: asked of the running product, written to a file that people read, compared by the test.

`python -m pytest tests/rights --write-matrix` writes both tables anew; read the difference before you commit it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client

from scrm.conversations.visibility import PATHS
from scrm.staff.models import User
from tests.rights.addresses import Address, addresses
from tests.rights.world import FOREIGN, OWN, ROLES, World

FOLDER = Path(__file__).parent
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# The console's views know GET, POST and all else, which DELETE stands for; a test holds that the others answer alike.
CONSOLE_METHODS = ("GET", "POST", "DELETE")
ANYBODY = "anonymous"
# After these nobody is logged in any more.
ENDING = ("admin/logout/",)


def console_table(world: World) -> Iterator[str]:
    """One line for methods of an address with the same answers, one column a role; `own/foreign` where they differ."""
    clients = {role: signed_in(world, role) for role in ROLES}
    callers = {role: (client, {}) for role, client in clients.items()}
    yield from _table(world, console_addresses(), callers, CONSOLE_METHODS)


def api_table(world: World) -> Iterator[str]:
    every = [address for address in addresses() if address.route.startswith("api/")]
    client = Client(raise_request_exception=False)
    headers = {name: {"HTTP_AUTHORIZATION": f"Bearer {token}"} for name, token in sorted(world.tokens.items())}
    yield from _table(world, every, {ANYBODY: (client, {}), **{name: (client, more) for name, more in headers.items()}}, METHODS)


def console_addresses() -> list[Address]:
    return [address for address in addresses() if not address.route.startswith("api/")]


def signed_in(world: World, role: str) -> Client:
    client = Client(raise_request_exception=False)
    _seat(client, world.users[role])
    return client


def _seat(client: Client, user: User | None) -> None:
    if user is not None:
        client.force_login(user)


Callers = dict[str, tuple[Client, dict[str, str]]]


def _table(world: World, every: Sequence[Address], callers: Callers, methods: Sequence[str]) -> Iterator[str]:
    flat = [["address", "methods", *callers]]
    for address in every:
        flat.extend(_lines(world, address, callers, methods))
        if address.route in ENDING:
            for role, (client, _more) in callers.items():
                _seat(client, world.users.get(role))
    widths = [max(len(row[column]) for row in flat) for column in range(len(flat[0]))]
    yield from ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in flat)


def _lines(world: World, address: Address, callers: Callers, methods: Sequence[str]) -> Iterator[list[str]]:
    alike: dict[tuple[str, ...], list[str]] = {}
    for method in methods:
        cells = tuple(cell(world, address, method, client, more) for client, more in callers.values())
        alike.setdefault(cells, []).append(method)
    for cells, same in alike.items():
        yield [f"/{address.route}", " ".join(same), *cells]


def cell(world: World, address: Address, method: str, client: Client, more: dict[str, str]) -> str:
    sides = [OWN, FOREIGN] if address.row is not None and address.row._meta.label_lower in PATHS else [OWN]
    answers = [_answer(client, method, address.path(world, side), more) for side in sides]
    return answers[0] if len(set(answers)) == 1 else "/".join(answers)


def _answer(client: Client, method: str, path: str, more: dict[str, str]) -> str:
    """The status; `login` when the way leads to the log-in. Whatever the request did is taken back."""
    with transaction.atomic():
        answer = client.generic(method, path, b"", content_type="application/json" if "/api/" in path else _FORM, **more)  # type: ignore[arg-type]
        transaction.set_rollback(True)
    return _word(answer)


_FORM = "application/x-www-form-urlencoded"


def _word(answer: HttpResponseBase) -> str:
    place = answer.headers.get("Location", "")
    return "login" if answer.status_code == 302 and "/admin/login/" in place else str(answer.status_code)


def differences(expected: Iterable[str], found: Iterable[str]) -> list[str]:
    """Lines that are in one table alone, spaces aside: columns may be wider than they were."""
    was, is_ = ([" ".join(line.split()) for line in lines] for lines in (expected, found))
    return [f"- {line}" for line in was if line not in set(is_)] + [f"+ {line}" for line in is_ if line not in set(was)]
