"""Pointers both ways, and the set-up's mistakes told in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from poor_server import PoorServer, definition

from connectors.accounts import Settings
from connectors.contracts import Account
from connectors.crms.rest import PLAIN, RestCrm, parse, pointers, try_kind
from connectors.crms.rest.wire import Wire
from connectors.errors import Misconfigured
from connectors.tokens import MemoryTokens

# RFC 6901, section 5.
RFC = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8}
RFC_POINTERS = [
    ("/foo", ["bar", "baz"]),
    ("/foo/0", "bar"),
    ("/", 0),
    ("/a~1b", 1),
    ("/c%d", 2),
    ("/e^f", 3),
    ("/g|h", 4),
    ("/i\\j", 5),
    ('/k"l', 6),
    ("/ ", 7),
    ("/m~0n", 8),
]
# A pointer through nothing makes a list for 0 and -: an object's members of these names cannot be told from a list's places.
NAMES = st.text(max_size=4).filter(lambda name: name not in {"0", "-"})
VALUES = st.recursive(
    st.one_of(st.text(max_size=5), st.integers(-9, 9), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=15,
)


class TestPointers:
    @pytest.mark.parametrize(("pointer", "value"), RFC_POINTERS)
    def test_of_the_rfc(self, pointer: str, value: Any) -> None:
        assert pointers.get(RFC, pointer) == value and pointers.get(RFC, "") == RFC

    @given(st.dictionaries(st.text(max_size=4), VALUES, max_size=4))
    def test_leaves_are_found_under_their_pointers(self, document: Any) -> None:
        for name, value in pointers.leaves(document).items():
            assert pointers.get(document, name) == value

    @given(st.dictionaries(NAMES, VALUES, max_size=4))
    def test_leaves_put_together_are_the_record(self, document: Any) -> None:
        built: Any = {}
        for name, value in pointers.leaves(document).items():
            built = pointers.put(built, name, value)
        assert pointers.leaves(built) == pointers.leaves(document)

    @given(VALUES, st.lists(st.text(max_size=4), max_size=4), st.text(max_size=4))
    def test_what_is_put_is_got(self, document: Any, steps: list[str], value: str) -> None:
        name = pointers.pointer(tuple(steps))
        try:
            changed = pointers.put(document, name, value)
        except pointers.BadPointer:
            return
        if "-" not in steps:
            assert pointers.get(changed, name) == value

    @pytest.mark.parametrize("name", ["/a~2", "/a~", "/" * 30, "x" * 400])
    def test_others_are_refused(self, name: str) -> None:
        with pytest.raises(pointers.BadPointer):
            pointers.tokens(name)

    @pytest.mark.parametrize("name", ["/foo/99", "/foo/-1", "/foo/01", "/foo/x", "/foo/0/x", "/nothing"])
    def test_nothing_is_missing_not_null(self, name: str) -> None:
        assert pointers.get(RFC, name) is pointers.MISSING

    def test_no_pointer_fills_the_memory(self) -> None:
        with pytest.raises(pointers.BadPointer):
            pointers.put([], "/999999999", 1)


class TestSetup:
    def test_the_example_is_right(self) -> None:
        assert parse(PLAIN).kinds["contact"].create.method == "POST"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "JSON"),
            ("{", "line 1"),
            ("[]", "object"),
            ("{}", "kinds"),
            ('{"kinds": {"planet": {"list": "/x"}}}', "planet"),
            ('{"kinds": {"contact": {}}}', "contact.list"),
            (definition(list="https://evil.example.com/"), "contact.list"),
            (definition(list="//evil.example.com/"), "contact.list"),
            (definition(item="/api/people/"), "contact.item"),
            (definition(id="/a~2"), "contact.id"),
            (definition(update="DELETE /api/{id}"), "contact.update"),
            (definition(resolution="week"), "resolution"),
            (definition(modified=None), "contact.since"),
            (definition(key=None), "contact.search"),
            (definition(paging_={"style": "page"}), "paging_"),
            (definition(types={"/a": "money"}), "contact.types./a"),
            (definition(whole=True, item=None), "whole"),
            ("[" * 60_000, "JSON"),
            ("[" * 100_000, "64 KiB"),
        ],
    )
    def test_mistakes_are_told_with_their_place(self, text: str, said: str) -> None:
        with pytest.raises(Misconfigured) as raised:
            parse(text)
        assert said in str(raised.value)

    @given(VALUES)
    def test_anything_else_is_told_too(self, value: Any) -> None:
        for text in (json.dumps(value), json.dumps({"kinds": value}), json.dumps({"kinds": {"contact": value}})):
            with pytest.raises(Misconfigured):
                parse(text)

    def test_capabilities_follow_from_it(self) -> None:
        def capabilities(text: str, **secrets: str) -> Any:
            return RestCrm(Account("rest", {"definition": text}, secrets)).capabilities

        assert capabilities(definition()).feeds == {"changes"}
        assert capabilities(definition(), webhook_token="hook-token-1").feeds == {"changes", "webhook"}
        assert capabilities(definition(resolution="day")).resolution.days == 1
        assert capabilities("").feeds == frozenset()


class TestTrial:
    def trial(self, url: str, text: str) -> Any:
        settings = Settings(Account("rest", {"base_url": url, "auth": "none"}), RestCrm.fields)
        return try_kind(Wire(settings, MemoryTokens()), parse(text).kinds["contact"])

    def test_shows_the_answer_with_what_can_be_picked(self, loopback: Any) -> None:
        server = loopback.respond = PoorServer(url=loopback.url)
        for number in range(30):
            server.add(name=f"陳大文{number}", contact={"phones": [{"number": "1"}]})
        trial = self.trial(loopback.url, definition())
        assert trial.lists == ("/results",) and "/contact/phones/0/number" in trial.row and not trial.problem
        assert len(trial.document["results"]) == 5 and len(trial.rows) == 5

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"rows": "/items"}, "/items"),
            ({"id": "/uuid"}, "/uuid"),
            ({"list": "/api/nothing/"}, "404"),
            ({"modified": "/changed"}, "/changed"),
        ],
    )
    def test_tells_what_does_not_fit(self, loopback: Any, changes: Any, said: str) -> None:
        server = loopback.respond = PoorServer(url=loopback.url)
        server.add(name="陳大文")
        trial = self.trial(loopback.url, definition(**changes))
        assert said in " ".join([trial.problem, *trial.notes])
