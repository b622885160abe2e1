"""One refresh serves all threads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.contracts import AccessToken
from connectors.errors import NeedsLogin
from connectors.tokens import MemoryTokens


class TestMemoryTokens:
    def test_eight_threads_with_one_stale_token_refresh_once(self) -> None:
        fetched: list[str] = []

        def fetch(kept: AccessToken | None) -> AccessToken:
            fetched.append(kept.value if kept else "")
            time.sleep(0.01)
            return AccessToken("new")

        keeper = MemoryTokens(AccessToken("old"))
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda _: keeper.renew("old", fetch).value, range(8)))
        assert got == ["new"] * 8 and fetched == ["old"]

    def test_a_failed_refresh_keeps_what_was_kept(self) -> None:
        keeper = MemoryTokens(AccessToken("old"))

        def refuse(kept: AccessToken | None) -> AccessToken:
            raise NeedsLogin("The refresh token was withdrawn")

        with pytest.raises(NeedsLogin):
            keeper.renew("old", refuse)
        assert keeper.current() == AccessToken("old")

    def test_a_token_is_not_shown(self) -> None:
        assert "secret" not in repr(AccessToken("secret", refresh_token="secret"))
