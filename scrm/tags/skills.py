"""The tags of people, for whom a conversation is given to."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from scrm.contacts.family import within
from scrm.conversations.routing import register_skills
from scrm.tags.models import TagAssignment


def tags_of(contacts: Collection[int]) -> Mapping[int, Collection[str]]:
    """{person: names of their tags}, those of merged duplicates too."""
    rows = TagAssignment.objects.filter(within(contacts), removed_at=None)
    found: dict[int, set[str]] = {}
    for record, survivor, name in rows.values_list("contact", "contact__merged_into", "tag__name"):
        found.setdefault(survivor or record, set()).add(name)
    return found


register_skills(tags_of)
