"""What a platform's error codes mean, said in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import translation

from connectors.channels.chatapi import errors as chatapi
from connectors.channels.line import errors as line
from connectors.channels.whatsapp import error_codes
from scrm.connections.services import explain_error

LANGUAGES = ("ja", "zh-hant", "zh-hans")


def codes() -> Iterator[tuple[str, str]]:
    yield from (("whatsapp_cloud", str(code)) for code in error_codes.MEANINGS)
    yield from (("whatsapp_bsp", str(code)) for code in error_codes.MEANINGS)
    yield from (("chatapi", str(code)) for code in chatapi.MEANINGS)
    yield from (("line", code) for code in [*line.CODES, "400", "401", "403", "404", "429", "500"])


def explained(adapter: str, code: str, language: str) -> tuple[str, str]:
    connection: Any = SimpleNamespace(adapter=adapter)
    with translation.override(language):
        return explain_error(connection, code)


class ErrorCodes:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_are_explained_in_the_readers_language(self, language: str) -> None:
        english: list[str] = []
        for adapter, code in codes():
            for said, here in zip(explained(adapter, code, "en"), explained(adapter, code, language), strict=True):
                english += [said] if said == here or all(ord(letter) < 0x3000 for letter in here) else []
        assert sorted(set(english)) == []

    def test_name_what_an_undeliverable_message_needs(self) -> None:
        assert explained("whatsapp_cloud", "131026", "ja")[1] == "別の方法で連絡し、番号を確認してください。"
        assert explained("whatsapp_cloud", "131026", "en")[1] == "Reach the person another way and check the number."

    def test_that_are_not_listed_are_named_as_such(self) -> None:
        assert "987654" in explained("whatsapp_cloud", "987654", "en")[0]
