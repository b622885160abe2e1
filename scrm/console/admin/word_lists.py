"""A list of words as one line of text."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.text import capfirst
from unfold.widgets import UnfoldAdminTextInputWidget

LONGEST, MOST = 80, 50


class WordsField(forms.CharField):
    """`ja, zh` or `ja、zh` as ["ja", "zh"]; each word once, in the order in which they were written."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, *, label: Any = None, **kwargs: Any) -> None:
        """Labels begin with a capital, as those that come from the model do."""
        super().__init__(label=label and capfirst(label), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return list(value)
        words = (word.strip()[:LONGEST] for word in re.split(r"[,、，;\n]", value or ""))
        return list(dict.fromkeys(word for word in words if word))[:MOST]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != list(initial or []))
