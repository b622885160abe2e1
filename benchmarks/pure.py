"""The pure functions that everything waits for: the law and the tag matcher, in one process without a database."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from benchmarks import bodies
from benchmarks.measure import Result, Row

NOW = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)


def run(*, quick: bool = False) -> Result:
    seconds, rounds = (0.3, 2) if quick else (1.0, 5)
    law, match, count = _law(), *_matcher()
    rows = [
        Row("policy.decide, 20 messages in the last 30 days", _rates(law, seconds, rounds), "decisions/s", least=20_000),
        Row(f"tag matcher, all {count} shipped rules, chat messages in three languages", _rates(match, seconds, rounds), "messages/s"),
    ]
    return Result("pure", "Pure functions, one core", rows)


def _rates(call: Callable[[], int], seconds: float, rounds: int) -> list[float]:
    call()
    found = []
    for _ in range(rounds):
        started, done = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            done += call()
        found.append(done / (time.perf_counter() - started))
    return found


def _law() -> Callable[[], int]:
    """An agent's answer, an automatic template and a promotion, in turn."""
    from scrm.conversations.policy import Candidate, Facts, Limits, Sent, decide

    sent = [
        Sent(NOW - timedelta(hours=30 * n), n % 3 == 0, "utility" if n % 2 else "marketing", f"{n % 7:032x}", f"order:{n}")
        for n in range(1, 21)
    ]
    facts = Facts(window_expires_at=NOW + timedelta(hours=3), last_inbound_at=NOW - timedelta(hours=21), sent=sent, used_today=120)
    limits = Limits(daily_cap=1000, time_zone="Asia/Hong_Kong")
    asked = [
        Candidate("agent", "service", False, "f" * 32),
        Candidate("rule", "utility", True, "e" * 32, "order:77"),
        Candidate("campaign", "marketing", True, "d" * 32),
    ]

    def call() -> int:
        for _ in range(100):
            for candidate in asked:
                decide(candidate, facts, limits, NOW)
        return 300

    return call


def _matcher() -> tuple[Callable[[], int], int]:
    with tempfile.TemporaryDirectory(prefix="scrm-bench-") as folder:
        os.environ.update(
            {
                "VAR_DIR": folder,
                "SCRM_ENV": "sandbox",
                "SCRM_SANDBOX": "0",
                "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
                "DJANGO_SETTINGS_MODULE": "scrm.settings",
            }
        )
        import django
        from django.core.management import call_command
        from django.db import connection

        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        from scrm.tags import rules, shipped

        shipped.install()
        in_force = rules.current()
        count = rules.TagRule.objects.filter(enabled=True).count()
        connection.close()
    texts = [each.text for each in bodies.texts(bodies.customers(200), 2000)]

    def call() -> int:
        for text in texts:
            in_force.first_hits(text)
        return len(texts)

    return call, count
