"""Every rule of the law has a sentence that an agent reads, in every language of the console."""

from __future__ import annotations

import re

import pytest
from django.utils import translation

from scrm.console.inbox.reasons import RULES
from scrm.conversations import policy

NAMES = re.findall(r"^\| (\w+) \|", policy.__doc__ or "", re.MULTILINE)[1:]


class Rules:
    def test_are_all_listed_in_the_law(self) -> None:
        assert len(NAMES) > 20

    @pytest.mark.parametrize("language", ["ja", "zh-hant", "zh-hans"])
    def test_are_said_in_words(self, language: str) -> None:
        with translation.override("en"):
            english = {name: str(RULES[name]) for name in NAMES}
        with translation.override(language):
            assert [name for name in NAMES if str(RULES[name]) == english[name]] == []
