"""What background work stored in English, read in another language."""

from __future__ import annotations

import re

import pytest
from django.utils import translation

from connectors import registry
from connectors.channels.whatsapp import classify
from scrm.connections import sentences
from scrm.connections.sentences import worded
from scrm.connections.services import config_fields

LANGUAGES = ("ja", "zh-hant", "zh-hans")


def said(text: str, language: str = "ja") -> str:
    with translation.override(language):
        return worded(text)


def filled(sentence: str) -> str:
    values = {
        "count": 5,
        "share": "40%",
        "speed": "12.5",
        "quality": "RED",
        "code": "987654",
        "seconds": "3",
        "host": "graph.example",
        "checked": 100,
        "most": 99,
        "vendor": "LINE",
    }
    return re.sub(r"%\((\w+)\)s", lambda place: str(values.get(place[1], "ConnectError")), sentence)


class Sentences:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_are_all_said_in_the_readers_language(self, language: str) -> None:
        every = [filled(each) for each in (*sentences.FILLED, *sentences.OF_NOTICES, *sentences.PLAIN)]
        assert [each for each in every if said(each, language) == each] == []
        assert [each for each in every if said(each, "en") != each] == []

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_of_an_adapters_fields_are_said_in_the_readers_language(self, language: str) -> None:
        fields = [field for adapter in (*registry.CHANNELS, *registry.CRMS) for field in config_fields(adapter)]
        words = {word for field in fields for word in (field.label, field.help) if word}
        # In Taiwan a token is a token.
        assert [word for word in sorted(words - {"Token"}) if said(word, language) == word] == []

    def test_keep_the_values_that_were_filled_in(self) -> None:
        told = sentences.FAILURES_IN_A_ROW % {"count": 7, "error": classify(190, detail="Session has expired")}
        assert said(told) == "7 回続けて失敗しました。最後の失敗: 190: " + said(classify(190).title) + ": Session has expired"

    def test_keep_what_stands_before_and_after(self) -> None:
        assert said(f"銅鑼灣店: {classify(131048).title}").startswith("銅鑼灣店: ")
        assert said("mei: moving house") == "mei: moving house"
        assert said("") == ""

    def test_of_the_platform_with_colons_are_found_whole(self) -> None:
        told = str(classify(131026, detail="blocked"))
        assert told.count(": ") > 2
        assert said(told) == f"131026: {said(classify(131026).title)}: blocked" != told
