"""What `manage.py check` says of matching."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Warning, register

from scrm.contacts import matching
from scrm.core import compiled


@register()
def compiled_parts(**_: Any) -> list[CheckMessage]:
    """Parts compiled of another source are left aside: nothing is wrong, and matching takes twice as long as somebody expects."""
    if compiled.state(matching.__name__, matching.PARTS) != "other":
        return []
    hint = "`make compiled` makes it anew, `manage.py compile_matching --remove` takes it away."
    return [Warning("Matching was compiled of another source or for another Python, so its source runs.", hint=hint, id="contacts.W001")]
