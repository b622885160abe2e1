"""Tags that come with an import and leave with an export."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.utils.text import slugify

from scrm.contacts import events
from scrm.contacts.importing import extras
from scrm.contacts.models import Event
from scrm.core import clock, rows
from scrm.core.loading import add_many, fresh
from scrm.tags.models import Tag, TagAssignment


class ImportedTags:
    """Words are names or slugs of tags; a word that is neither makes a new tag."""

    def put(self, wanted: Mapping[int, Sequence[str]], *, source: str, by: Any) -> dict[int, list[int]]:
        done, told = self.give(wanted, made=(), source=source, by=by)
        events.record(told)
        return done

    def give(
        self, wanted: Mapping[int, Sequence[str]], *, made: Collection[int], source: str, by: Any
    ) -> tuple[dict[int, list[int]], list[Event]]:
        tags = _tags({word for words in wanted.values() for word in words})
        now = clock.now()
        pairs = sorted({(contact, tags[word].pk) for contact, words in wanted.items() for word in words})
        by_id = by.pk if by else None
        new = [fresh(TagAssignment, contact_id=contact, tag_id=tag, by_id=by_id, assigned_at=now) for contact, tag in pairs]
        slugs = {tag.pk: tag.slug for tag in tags.values()}
        done: dict[int, list[int]] = {}
        told: list[Event] = []
        sure = [row for row in new if row.contact_id in made]
        add_many(TagAssignment, sure)
        given = [(row.pk, row.contact_id, row.tag_id) for row in sure]
        there = [row for row in new if row.contact_id not in made]
        given += sorted(rows.insert_returning(TagAssignment, there, ["id", "contact", "tag"]))
        for pk, contact, tag in given:
            done.setdefault(contact, []).append(pk)
            data = {"tag": slugs[tag], "assignment": pk, "source": source}
            told.append(fresh(Event, contact_id=contact, kind="tag.added", occurred_at=now, data=data, cause=source))
        return done, told

    def missing(self, wanted: Mapping[int, Sequence[str]]) -> set[int]:
        """The people who do not have all of their words yet."""
        there: dict[int, set[str]] = {}
        given = TagAssignment.objects.filter(contact__in=wanted, removed_at=None).values_list("contact_id", "tag__name", "tag__slug")
        for contact, name, slug in given:
            there.setdefault(contact, set()).update((name.casefold(), slug.casefold()))
        return {contact for contact, words in wanted.items() if {word.casefold() for word in words} - there.get(contact, set())}

    def take_back(self, done: Mapping[int, Sequence[int]]) -> None:
        TagAssignment.objects.filter(pk__in=[pk for pks in done.values() for pk in pks], removed_at=None).delete()

    def read(self, contact_ids: Collection[int]) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        given = TagAssignment.objects.filter(contact__in=contact_ids, removed_at=None).order_by("tag__name")
        for contact, name in given.values_list("contact_id", "tag__name"):
            found.setdefault(contact, []).append(name)
        return found


def _tags(words: Collection[str]) -> dict[str, Tag]:
    known: dict[str, Tag] = {}
    for tag in Tag.objects.all():
        known.setdefault(tag.slug.casefold(), tag)
        known[tag.name.casefold()] = tag
    for word in sorted(words):
        if word.casefold() not in known:
            slug = slugify(word, allow_unicode=True)[:60] or f"tag-{zlib.crc32(word.encode())}"
            known[word.casefold()] = Tag.objects.get_or_create(slug=slug, defaults={"name": word[:60]})[0]
    return {word: known[word.casefold()] for word in words}


extras.register_tags(ImportedTags())
