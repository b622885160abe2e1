"""Redis may be away: hints are missing, nothing fails."""

from __future__ import annotations

import socket

import pytest

from scrm.core import caches
from scrm.core.caches import LenientRedisCache


@pytest.fixture
def away() -> LenientRedisCache:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return LenientRedisCache(f"redis://127.0.0.1:{port}/0", {})


class RedisThatIsAway:
    def test_finds_nothing_and_keeps_nothing(self, away: LenientRedisCache) -> None:
        away.set("who-looks", "mei")
        assert away.get("who-looks") is None
        assert away.get("who-looks", "nobody") == "nobody"
        assert away.get_many(["who-looks"]) == {}
        assert away.set_many({"a": 1}) == ["a"]
        assert (away.delete("a"), away.has_key("a"), away.touch("a")) == (False, False, False)

    def test_lets_whoever_asks_to_be_first_go_on(self, away: LenientRedisCache) -> None:
        assert away.add("first", 1)

    def test_is_not_asked_again_at_once(self, away: LenientRedisCache, monkeypatch: pytest.MonkeyPatch) -> None:
        away.get("anything")
        asked: list[str] = []
        monkeypatch.setattr(caches.RedisCache, "get", lambda self, key, default, version: asked.append(key))
        away.get("anything")
        assert asked == []
        away._resting_until = 0.0
        away.get("anything")
        assert asked == ["anything"]
