"""A database full of contacts whose truth is known, with their matching keys stored: what `match_one` measures in."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from benchmarks import known_people


def fill(contacts: Path) -> int:
    """Rows and keys of all contacts of a file, under the ids that they have there; how many. Addresses live in the keys alone."""
    from django.db import connection, transaction

    from scrm.contacts.matching import profile, store
    from scrm.contacts.models import Contact
    from scrm.core import clock

    now, count = clock.now(), 0
    facts = known_people.facts_of(contacts)
    while some := list(islice(facts, 5_000)):
        rows = [Contact(pk=each.pk, name=each.name, last_activity_at=now, created_at=now, updated_at=now) for each in some]
        # In one transaction: SQLite would store each key by itself.
        with transaction.atomic():
            Contact.objects.bulk_create(rows)
            store.write(map(profile.prepare, some), fresh=True)
        count += len(rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return count
