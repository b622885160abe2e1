"""One decision with all its facts, read from a table of ten million slots: what the composer, a rule or a campaign waits for.

A million people with ten slots each over the last 40 days. The slots' messages are not there (the law never reads them), so the
foreign key of that column is dropped in this database alone.
"""

from __future__ import annotations

import random
import time

from benchmarks.measure import Result, Row, percentile
from benchmarks.place import has_postgresql, place

TITLE = "A decision with its facts"
TALKS = 2000


def run(*, quick: bool = False, vendor: str = "postgresql") -> Result:
    if vendor == "postgresql" and not has_postgresql():
        return Result("decisions", TITLE, notes=["PostgreSQL's binaries are not installed here: not measured."])
    people, slots, asked = (20_000, 200_000, 400) if quick else (1_000_000, 10_000_000, 4000)
    with place(vendor, SCRM_SANDBOX="0", JOBS_ENABLED="0") as here:
        here.open()
        built = time.monotonic()
        _build(people, slots)
        built = time.monotonic() - built
        single, grouped = _ask(asked)
    rows = [
        Row("one decision: p50", [1000 * percentile(single, 0.5)], "ms"),
        Row("one decision: p95", [1000 * percentile(single, 0.95)], "ms", most=5),
        Row("one decision: p99", [1000 * percentile(single, 0.99)], "ms"),
        Row("each of a group of 50 people: p95", [1000 * percentile(grouped, 0.95)], "ms"),
    ]
    notes = [
        f"{vendor}; {people:,} people, {slots:,} slots (built in {built:.0f} s), {asked} people asked about at random, each once.",
        "A decision: the person's identities and slots, the day's quota, the number's pace; then the law. Locks and writes are not in it.",
    ]
    return Result("decisions", f"{TITLE}, {vendor}", rows, notes)


def _build(people: int, slots: int) -> None:
    from django.db import connection
    from django.utils import timezone

    from benchmarks import bodies, shop
    from scrm.connections.models import Connection
    from scrm.conversations.models import Conversation

    shop.connect_numbers("http://127.0.0.1:9")
    number = Connection.objects.get(slug=bodies.NUMBERS[0].slug)
    now = timezone.now()
    with connection.cursor() as cursor:
        columns = "created_at, last_activity_at, name"
        cursor.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'contacts_contact' "
            "AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'"
        )
        needed = dict(cursor.fetchall())
        values = {name: _filler(kind) for name, kind in needed.items()}
        columns = ", ".join(values)
        cursor.execute(f"INSERT INTO contacts_contact ({columns}) SELECT {', '.join(values.values())} FROM generate_series(1, {people}) n")
        cursor.execute(
            "INSERT INTO contacts_identity (contact_id, kind, scope, value, e164, verified, needs_repair, valid_from, unreachable_reason) "
            "SELECT id, 'whatsapp', '', '8529' || lpad(id::text, 7, '0'), '', 'inbound', '', now(), '' FROM contacts_contact"
        )
        cursor.execute("ALTER TABLE conversations_reservation DISABLE TRIGGER ALL")
        cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = 'conversations_reservation'::regclass AND contype = 'f' ")
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE conversations_reservation DROP CONSTRAINT "{name}"')
        cursor.execute(
            "INSERT INTO conversations_reservation (identity_id, connection_id, message_id, template, category, content_hash, event_key, "
            "reserved_at, quota_day, released, spoke_first) "
            "SELECT i.low + (n %% %s), %s, n, n %% 3 = 0, CASE WHEN n %% 5 = 0 THEN 'marketing' ELSE 'service' END, "
            "md5((n %% 997)::text), '', now() - make_interval(mins => (n / %s * 5760 + n %% 5760)::int), current_date, false, false "
            "FROM generate_series(1, %s) n, (SELECT min(id) AS low FROM contacts_identity) i",
            [people, number.pk, people, slots],
        )
        cursor.execute("ANALYZE")
    from scrm.contacts.models import Identity

    chosen = Identity.objects.filter(pk__in=random.Random(7).sample(list(Identity.objects.values_list("pk", flat=True)), min(people, 8000)))
    Conversation.objects.bulk_create(
        [
            Conversation(
                identity=identity,
                connection=number,
                opened_at=now,
                last_message_at=now,
                last_inbound_at=now,
                changed_at=now,
                window_expires_at=now + timezone.timedelta(hours=20),
            )
            for identity in chosen
        ],
        batch_size=1000,
    )


def _filler(kind: str) -> str:
    """A value for a column that must have one and whose content does not matter here."""
    plain = {"boolean": "false", "jsonb": "'{}'::jsonb", "timestamp with time zone": "now()", "uuid": "gen_random_uuid()"}
    return plain.get(kind, "0" if kind in {"integer", "bigint", "smallint", "numeric", "double precision"} else "''")


def _ask(count: int) -> tuple[list[float], list[float]]:
    from scrm.conversations.models import Conversation
    from scrm.conversations.services import preview_decision
    from scrm.conversations.standing import Standing
    from scrm.core import clock

    talks = list(Conversation.objects.select_related("identity__contact", "connection").order_by("?")[:count])
    for talk in talks[:20]:
        preview_decision(talk, text="warm", source="agent")
    single = []
    for talk in talks[20:]:
        started = time.perf_counter()
        preview_decision(talk, text="您好", source="rule")
        single.append(time.perf_counter() - started)
    grouped = []
    for start in range(20, len(talks) - 50, 50):
        group = talks[start : start + 50]
        started = time.perf_counter()
        standing = Standing(group, clock.now())
        for talk in group:
            standing.facts(talk)
        grouped.append((time.perf_counter() - started) / len(group))
    return single, grouped
