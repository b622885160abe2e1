"""What compressing old text saves, by script and length of a conversation, and what it does to searches and to a page of a thread.

Text: half everyday phrases of customers (benchmarks/bodies.py), half sentences that never repeat (the product's own catalogues), every
third of ours, with the copy of the text in its content. Search and reading: a small archive on PostgreSQL, first as it is, then
compressed; the same calls, alternating words, in this process.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks import archive, bodies, lists
from benchmarks.measure import Result, Row, percentile
from benchmarks.place import has_postgresql

TITLE = "Compressed history"
ROOT = Path(__file__).resolve().parents[1]
WORDS = ("面膜", "多謝", "香水", "ありがとう", "sunscreen", "order")
SAVING, SLOWER = 0.7, 1.5


def run(*, quick: bool = False, vendor: str = "") -> Result:
    result = Result("history", TITLE)
    for language in ("ja", "zh_Hant", "zh_Hans", "en"):
        for count in (20, 200):
            result.rows.append(_saving(language, count, least=SAVING if count == 200 else None))
    if not has_postgresql():
        result.notes.append("PostgreSQL's binaries are not installed here: searches not measured.")
        return result
    server = lists._open(archive.SMALL)
    folder = Path(tempfile.mkdtemp(prefix="scrm-bench-"))
    try:
        lists._set_up(server, folder)
        lists._ensure(archive.SMALL, server)
        _reading(result, 10 if quick else 40)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return result


def _sentences(language: str) -> list[str]:
    import ast
    import re

    found = []
    text = (ROOT / f"scrm/locale/{'ja' if language == 'en' else language}/LC_MESSAGES/django.po").read_text()
    key = "msgid" if language == "en" else "msgstr"
    for match in re.finditer(rf'^{key} ((?:".*"\n)+)', text, re.M):
        words = "".join(ast.literal_eval(line) for line in match.group(1).splitlines())
        if 8 <= len(words) <= 160 and "%" not in words and "Project-Id" not in words:
            found.append(words)
    return list(dict.fromkeys(found))


def _talk(language: str, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    rng = random.Random(f"{language} {count}")
    phrases = [
        text
        for kinds in (bodies.SMALL_TALK, bodies.ORDER_QUESTIONS)
        for name, texts in kinds.items()
        if _alike(name, language)
        for text in texts
    ]
    unique = _sentences(language)
    rng.shuffle(unique)
    for n in range(count):
        text = rng.choice(phrases) if phrases and n % 2 else unique[n % len(unique)]
        # As the ways in and out store it: nothing beside a customer's text, a copy beside ours.
        yield text, {"body": text} if n % 3 == 0 else {}


def _alike(name: str, language: str) -> bool:
    return name in {"ja": ("jp",), "zh_Hant": ("hk", "tw"), "en": ("sg",)}.get(language, ())


def _saving(language: str, count: int, least: float | None) -> Row:
    from scrm.conversations import blocks

    said = {1000 + n: each for n, each in enumerate(_talk(language, count))}
    saved = 1 - len(blocks.pack(said)) / sum(map(blocks.size_of, said.values()))
    return Row(f"saved, {language}, {count} messages a block", [saved], "", least=least)


def _reading(result: Result, repeats: int) -> None:
    from scrm.conversations import history
    from scrm.conversations.models import Conversation, Message
    from scrm.core import clock

    busiest = Conversation.objects.order_by("pk")[0].pk

    def search() -> None:
        for word in WORDS:
            list(Message.objects.search(word).select_related("conversation").order_by("-id")[:50])

    def thread() -> None:
        list(Message.objects.filter(conversation=busiest).order_by("-sent_at", "-id")[:50])

    before = {name: _times(act, repeats) for name, act in (("search", search), ("thread", thread))}
    started, spent = time.perf_counter(), time.process_time()
    with clock.frozen(clock.now() + timedelta(days=400)):
        sweep = history.begin(wait=timedelta(0))
        while sweep is not None and history.step(sweep):
            pass
    took, cpu = time.perf_counter() - started, time.process_time() - spent
    if sweep is None:
        raise RuntimeError("nothing was compressed")
    after = {name: _times(act, repeats) for name, act in (("search", search), ("thread", thread))}
    for name, words in (("search", f"{len(WORDS)} searches, 50 rows each"), ("thread", "50 messages of one conversation")):
        was, now = percentile(before[name], 0.95), percentile(after[name], 0.95)
        result.rows += [Row(f"{words}: p95, plain", [was], "ms"), Row(f"{words}: p95, compressed", [now], "ms")]
        result.rows.append(Row(f"{words}: times as slow", [now / was], "", most=SLOWER if name == "search" else None))
    result.rows.append(Row("compressing", [sweep.messages / took], "messages/s", note=f"{sweep.messages / cpu:,.0f} per CPU second"))
    result.notes.append(
        f"{sweep.messages:,} messages in {sweep.blocks:,} blocks, {1 - sweep.size_after / max(1, sweep.size_before):.1%} saved "
        f"({sweep.messages / max(1, sweep.blocks):.0f} messages a block); {sweep.messages / cpu:,.0f} messages a CPU second"
    )


def _times(act: Any, repeats: int) -> list[float]:
    act()
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        act()
        found.append(1000 * (time.perf_counter() - started))
    return found
