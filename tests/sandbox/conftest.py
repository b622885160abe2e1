"""A fresh sandbox database with its numbers and templates, and people of Hong Kong, Taipei, Tokyo and Singapore."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from scrm.sandbox.models import Number, Person

# Models are imported inside the fixtures: this file is read before the apps are.
Graph = Callable[..., Any]


@pytest.fixture(autouse=True)
def sandbox_database(db: None) -> None:
    from scrm.sandbox import seed

    seed.ensure_all()


@pytest.fixture
def hongkong() -> Number:
    from scrm.sandbox.models import Number

    return Number.objects.select_related("faults").get(slug="sandbox-hk")


@pytest.fixture
def tai_man() -> Person:
    """陳大文, with a phone number, who has just written to the Hong Kong number."""
    from scrm.sandbox import play
    from scrm.sandbox.models import Person

    person = Person.objects.get(name="陳大文")
    play.say(person, "sandbox-hk", text="我的包裹到哪裡了？")
    return person


@pytest.fixture
def wing_lam() -> Person:
    """何穎琳, known by her user id only, who has just written."""
    from scrm.sandbox import play
    from scrm.sandbox.models import Person

    person = Person.objects.get(name="何穎琳")
    play.say(person, "sandbox-hk", text="你好")
    return person


@pytest.fixture
def graph(client: Client, hongkong: Number) -> Graph:
    """Call the Graph API with the Hong Kong number's token: graph("messages", {...}) or graph("/<node>")."""

    def call(path: str, body: dict[str, Any] | None = None, *, method: str = "", token: str = hongkong.access_token) -> Any:
        address = path[1:] if path.startswith("/") else f"{hongkong.phone_number_id}/{path}"
        verb = method or ("GET" if body is None else "POST")
        return client.generic(
            verb,
            f"/sandbox/graph/v25.0/{address}",
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )

    return call


def message(person: Person, kind: str, content: Any, **members: Any) -> dict[str, Any]:
    """A send's body, addressed by phone number when there is one."""
    address = {"to": f"+{person.phone}"} if person.phone else {"recipient": person.user_id}
    return {"messaging_product": "whatsapp", "type": kind, kind: content, **address, **members}


def error_code(answer: Any) -> int:
    return int(json.loads(answer.content)["error"]["code"])
