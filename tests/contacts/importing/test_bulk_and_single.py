"""A file loaded in one piece and the same file loaded row by row come to the same people."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.db import transaction

from scrm.contacts.importing import running
from scrm.contacts.matching import store
from scrm.contacts.models import Contact, Identity, Import, MatchKey, MatchProfile
from tests import people
from tests.contacts import import_files as files

pytestmark = pytest.mark.django_db

HEAD = ["ID", "Name", "Phone", "Email", "Birthday", "Country", "City", "Company", "Priority", "Tags", "custom.Shoe size", "Unsubscribed"]
NAMES = ["陳大文", "林怡君", "Tan Wei Ling", "佐藤 花子", "陈大文", "Mei Chan", "黃志明"]


def rows(seed: int, count: int = 40) -> list[list[str]]:
    """People of whom some come twice, share a number or an e-mail, are there already, or cannot be read."""
    chance, found = random.Random(seed), [HEAD]
    for _ in range(count):
        who = chance.randrange(count * 2 // 3)
        name = NAMES[who % len(NAMES)]
        number = chance.choice(
            [f"+8526100{who:04d}", f"6100 {who:04d}", "", "8.52E+10" if who % 11 == 0 else "", f"+8526100{who // 9:04d}"]
        )
        email = chance.choice([f"P{who}@Example.hk", "", "", "not one" if who % 13 == 0 else ""])
        found.append([
            chance.choice([f"X{who}", "", ""]), name, number, email, chance.choice(["1990-05-03", ""]), "Hong Kong",
            chance.choice(["觀塘", "沙田", ""]), chance.choice(["海港", ""]), chance.choice(["高", ""]),
            chance.choice(["VIP", "老客戶;VIP", ""]),
            chance.choice(["38", "", ""]), chance.choice(["yes", "", "", ""]),
        ])  # fmt: skip
    return found


def state(run: Import) -> dict[str, Any]:
    """Everything about people but keys and times."""
    contacts = list(Contact.objects.order_by("pk"))
    place = {row.pk: n for n, row in enumerate(contacts)}
    fields = ("name", "external_id", "birthday", "country", "city", "company", "priority", "custom")
    addresses: dict[int, list[Any]] = {}
    for row in Identity.objects.filter(valid_to=None):
        scope = "own" if row.scope else ""
        out = bool(row.opted_out_at)
        addresses.setdefault(row.contact_id, []).append(
            (row.kind, row.value, scope, row.e164, row.needs_repair, bool(row.shared_since), out)
        )
    bodies = dict(MatchProfile.objects.values_list("contact", "body"))
    keys: dict[int, set[int]] = {}
    for key, pk in MatchKey.objects.values_list("key", "contact"):
        keys.setdefault(pk, set()).add(key)
    found = []
    for row in contacts:
        tags = sorted(row.tag_assignments.values_list("tag__name", flat=True))
        values = [getattr(row, name) for name in fields]
        stated = sorted(name for name in row.provenance or {})
        found.append((values, stated, sorted(addresses.get(row.pk, [])), tags, bodies.get(row.pk), sorted(keys.get(row.pk, ()))))
    told = [(row.line, row.outcome == "bad", place.get(row.contact_id or 0)) for row in run.rows.order_by("line")]
    return {"people": found, "rows": told}


def loaded(table: bytes, size: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a load in chunks of `size` comes to; nothing of it stays."""
    monkeypatch.setattr(running, "chunk_size", lambda: size)
    with transaction.atomic():
        run = files.load(table, regions=["HK"])
        # Keys of changed people are brought up to date by a consumer a moment later.
        before = dict(MatchProfile.objects.values_list("contact", "body"))
        made = set(run.rows.filter(outcome="created").values_list("contact", flat=True))
        changed = set(run.rows.filter(outcome="updated").values_list("contact", flat=True))
        store.refresh(set(Contact.objects.values_list("pk", flat=True)))
        after = dict(MatchProfile.objects.values_list("contact", "body"))
        shared = set(Identity.objects.exclude(shared_since=None).values_list("contact", flat=True))
        assert not [pk for pk in made - changed - shared if before[pk] != after[pk]]
        found = state(run)
        transaction.set_rollback(True)
    return found


class Chunks:
    @pytest.mark.parametrize("seed", range(2))
    def test_of_any_size_come_to_the_same_people(self, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        for n in range(0, 40, 6):
            people.customer(NAMES[n % len(NAMES)], f"8526100{n:04d}")
        table = files.table(rows(seed))
        singly = loaded(table, 1, monkeypatch)
        assert len(singly["people"]) > 20
        at_once = loaded(table, 1000, monkeypatch)
        assert at_once["rows"] == singly["rows"]
        for one, other in zip(at_once["people"], singly["people"], strict=True):
            assert one == other
