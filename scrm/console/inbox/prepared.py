"""The customer's name in prepared texts. Pure."""

from __future__ import annotations

import re

from scrm.conversations.template_text import PLACE


def with_name(text: str, first: str) -> str:
    """{{name}} becomes the name; without one, the place and the space or comma that leads to it go."""
    if first:
        return PLACE.sub(lambda found: first if found[1] == "name" else found[0], text)
    return re.sub(r"[ ,、，]*\{\{\s*name\s*\}\}", "", text)
