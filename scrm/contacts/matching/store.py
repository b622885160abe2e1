"""Profiles and keys kept current. Whoever writes contacts in bulk calls `store_keys`; for all else the consumer of changes does."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext

from django.db import connection, transaction

from scrm.contacts.matching import keys, profile, ties
from scrm.contacts.matching.gather import bought, facts_of, from_rows
from scrm.contacts.matching.profile import Profile
from scrm.contacts.matching.publishing import in_force
from scrm.contacts.matching.rules import Settings
from scrm.contacts.models import Contact, Identity, MatchKey, MatchProfile
from scrm.core import arrays, copying
from scrm.core.beside import along
from scrm.core.loading import send
from scrm.core.rows import among

STEP = 2_000


def store_keys(
    contacts: Sequence[Contact], identities: Sequence[Identity], *, fresh: bool = False, settings: Settings | None = None
) -> None:
    """Of contacts that were just written, with all of their current identities: no statement is spent on reading them again.

    `fresh`: none of them was there before; call it in the transaction that makes them. `settings`: of the rules in force, where the
    caller has them.
    """
    settings = settings or in_force().settings
    rows = [row.__dict__ for row in contacts if row.merged_into_id is None]
    held = (row.__dict__ for row in identities if row.valid_to is None)
    purchases = () if fresh else bought([row["id"] for row in rows])
    write([profile.prepare(facts) for facts in along(from_rows(rows, held, purchases, settings))], fresh=fresh)


def refresh(contact_ids: Collection[int]) -> dict[int, Profile]:
    """Read contacts, store what changed, and give their profiles; of merged or deleted ones nothing is kept."""
    settings = in_force().settings
    found = [profile.prepare(facts) for facts in facts_of(contact_ids, settings)]
    write(found)
    gone = set(contact_ids) - {each.pk for each in found}
    if gone:
        forget(gone)
        ties.forget(gone)
    return {each.pk: each for each in found}


def write(profiles: Iterable[Profile], *, fresh: bool = False) -> int:
    """Store the profiles that differ from what is stored; how many did."""
    rows = [(each.pk, profile.dump(each), each) for each in along(sorted(profiles, key=lambda each: each.pk))]
    if not rows:
        return 0
    with nullcontext() if fresh else transaction.atomic():
        stored = {} if fresh else _stored([pk for pk, _, _ in rows])
        changed = [(pk, body, each) for pk, body, each in rows if stored.get(pk) != body]
        if not changed:
            return 0
        known = [pk for pk, _, _ in changed if pk in stored]
        if known:
            forget(known)
        _insert_profiles([(pk, body) for pk, body, _ in changed], fresh=fresh)
        _insert_keys([(key, pk) for pk, _, each in along(changed) for key in keys.keys(each)], fresh=fresh)
    return len(changed)


def forget(contact_ids: Collection[int]) -> None:
    ids = sorted(contact_ids)
    MatchKey.objects.filter(contact_id__in=ids)._raw_delete(using="default")  # type: ignore[attr-defined]
    MatchProfile.objects.filter(contact_id__in=ids)._raw_delete(using="default")  # type: ignore[attr-defined]


def _stored(ids: Sequence[int]) -> dict[int, str]:
    rows = MatchProfile.objects.filter(contact_id__in=ids, version=profile.VERSION).values_list("contact_id", "body")
    found = dict(rows)
    # One of an earlier version counts as there, so that it is replaced.
    for pk in MatchProfile.objects.filter(contact_id__in=set(ids) - set(found)).values_list("contact_id", flat=True):
        found[pk] = ""
    return found


def _insert_profiles(rows: Sequence[tuple[int, str]], *, fresh: bool) -> None:
    table = MatchProfile._meta.db_table
    if connection.vendor == "postgresql" and fresh:
        text = copying.block([[pk for pk, _ in rows], [profile.VERSION] * len(rows), [body for _, body in rows]])
        send(connection, f"COPY {table} (contact_id, version, body) FROM STDIN", (text or "").encode())
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"INSERT INTO {table} (contact_id, version, body) "  # noqa: S608 - the name comes from the model
                "SELECT contact, %s, body FROM unnest(%s::bigint[], %s::text[]) AS given(contact, body) "
                "ON CONFLICT (contact_id) DO UPDATE SET version = excluded.version, body = excluded.body",
                [profile.VERSION, arrays.numbers(pk for pk, _ in rows), arrays.texts(body for _, body in rows)],
            )
            return
        cursor.executemany(
            f"INSERT OR REPLACE INTO {table} (contact_id, version, body) VALUES (%s, {profile.VERSION}, %s)",  # noqa: S608
            rows,
        )


def _insert_keys(rows: Sequence[tuple[int, int]], *, fresh: bool) -> None:
    table = MatchKey._meta.db_table
    if connection.vendor == "postgresql" and fresh:
        # Of a contact that was not there before there is no key that could be there twice.
        send(connection, f"COPY {table} (key, contact_id) FROM STDIN (FORMAT binary)", copying.pairs(rows))
        return
    ordered = sorted(rows)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"INSERT INTO {table} (key, contact_id) "  # noqa: S608 - the name comes from the model
                "SELECT * FROM unnest(%s::bigint[], %s::bigint[]) ON CONFLICT DO NOTHING",
                [arrays.numbers(key for key, _ in ordered), arrays.numbers(pk for _, pk in ordered)],
            )
            return
        cursor.executemany(f"INSERT OR IGNORE INTO {table} (key, contact_id) VALUES (%s, %s)", ordered)  # noqa: S608


def load(contact_ids: Collection[int]) -> dict[int, Profile]:
    """Stored profiles that can be read; what is older is made anew by whoever compares all."""
    return {pk: profile.load(pk, body) for pk, body in bodies(contact_ids)}


def bodies(contact_ids: Collection[int]) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    ids = sorted(contact_ids)
    for start in range(0, len(ids), STEP):
        rows = MatchProfile.objects.filter(among(MatchProfile, "contact", ids[start : start + STEP]), version__gte=profile.OLDEST)
        found += rows.values_list("contact_id", "body")
    return found


def every_body() -> Iterator[tuple[int, str]]:
    """All prepared contacts that can be read, by id."""
    rows = MatchProfile.objects.filter(version__gte=profile.OLDEST).order_by("pk").values_list("contact_id", "body")
    return rows.iterator(chunk_size=20_000)


def members(wanted: Collection[int]) -> Mapping[int, list[int]]:
    """The contacts of each key, at most one more than its largest counts."""
    if not wanted:
        return {}
    table = MatchKey._meta.db_table
    ordered = sorted(wanted)
    limits = [keys.LARGEST[keys.kind_of(key)] + 1 for key in ordered]
    found: dict[int, list[int]] = {}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            each = f"SELECT contact_id FROM {table} WHERE key = wanted.key ORDER BY contact_id LIMIT wanted.most"  # noqa: S608
            asked = "unnest(%s::bigint[], %s::int[]) AS wanted(key, most)"
            cursor.execute(f"SELECT wanted.key, held.contact_id FROM {asked}, LATERAL ({each}) AS held", [ordered, limits])  # noqa: S608
            for key, pk in cursor.fetchall():
                found.setdefault(key, []).append(pk)
            return found
        for start in range(0, len(ordered), 200):
            part = list(zip(ordered[start : start + 200], limits[start : start + 200], strict=True))
            each = f"SELECT * FROM (SELECT key, contact_id FROM {table} WHERE key = %s ORDER BY contact_id LIMIT %s)"  # noqa: S608
            cursor.execute(" UNION ALL ".join([each] * len(part)), [value for pair in part for value in pair])
            for key, pk in cursor.fetchall():
                found.setdefault(key, []).append(pk)
    return found
