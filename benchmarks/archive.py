"""A large archive on PostgreSQL, written in SQL in a few minutes: a million people and what they said in half a year.

Words and names are drawn from some ten thousand real phrases in Chinese, Japanese and English; a tenth of all messages holds one of
a few words that everybody uses, so that searches for the commonest terms are measured as well. The search terms of each phrase are
computed by the product's own code and joined in, as are the numbers' reversed digits.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bodies


@dataclass(frozen=True)
class Size:
    contacts: int
    conversations: int
    messages: int


FULL = Size(1_000_000, 500_000, 10_000_000)
SMALL = Size(20_000, 10_000, 100_000)
COMMON = (
    "多謝",
    "多謝晒!",
    "ありがとう",
    "ありがとうございます",
    "Is my order on the way?",
    "order please",
    "Thanks for the order",
    "謝謝",
    "好的",
    "ok",
)
WHO = ("I", "We", "My sister", "我", "我哋", "我媽媽", "私", "友人", "我們", "客人")
WANTS = (
    "would like",
    "was asking about",
    "cannot find",
    "really love",
    "想買",
    "想問",
    "搵唔到",
    "好鍾意",
    "を探しています",
    "について聞きたい",
    "が欲しいです",
    "想要訂購",
)
WHAT = (
    "the camellia serum", "a moisturising cream", "sunscreen SPF50", "the limited gift box", "lip balm", "hand cream",
    "美白精華", "保濕面霜", "防曬乳", "限定禮盒", "潤唇膏", "護手霜", "卸妝油", "眼霜", "面膜", "洗髮水",
    "美容液", "化粧水", "日焼け止め", "口紅", "ハンドクリーム", "洗顔料", "香水", "旅行セット",
)  # fmt: skip
WHEN = (
    "today",
    "before Friday",
    "as a present",
    "again",
    "今日",
    "聽日",
    "下星期",
    "生日用",
    "明日まで",
    "週末に",
    "来月",
    "過年前",
    "at Orchard Road",
    "在信義店",
    "銀座店で",
    "喺旺角店",
    "by courier",
    "到付",
)
SURNAMES = (
    "陳",
    "黃",
    "李",
    "林",
    "張",
    "王",
    "吳",
    "劉",
    "佐藤",
    "鈴木",
    "高橋",
    "田中",
    "渡辺",
    "伊藤",
    "山本",
    "Chan ",
    "Wong ",
    "Tan ",
    "Lim ",
    "Nair ",
    "Lee ",
    "Ng ",
)
GIVEN = (
    "大文",
    "嘉欣",
    "志明",
    "怡君",
    "家豪",
    "雅婷",
    "美咲",
    "翔太",
    "由紀",
    "健一",
    "陽菜",
    "詠琳",
    "冠宇",
    "Tai Man",
    "Wei Ling",
    "Priya",
    "Faris",
    "Ka Yan",
    "Jun Jie",
    "俊傑",
    "淑芬",
    "さくら",
)
COMPANIES = ("", "", "", "海港貿易", "東京商事", "Lion City Traders", "台北設計")


def phrases() -> Iterator[str]:
    talk = [text for texts in (*bodies.SMALL_TALK.values(), *bodies.ORDER_QUESTIONS.values()) for text in texts]
    yield from talk
    for n, (who, wants, what, when) in enumerate(itertools.product(WHO, WANTS, WHAT, WHEN)):
        if n % 4 == 0:
            yield f"{who} {wants} {what} {when} #{10_000 + n}"


def fill(size: Size, say: Callable[[str], None]) -> None:
    """Write everything; indexes are made at the end. Needs migrated tables, empty of people and messages."""
    from django.db import connection

    started = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET maintenance_work_mem = '768MB'")
        cursor.execute("SET work_mem = '128MB'")
        indexes = _drop_indexes(cursor)
        _word_lists(cursor)
        for title, sql in _statements(size):
            cursor.execute(sql)
            say(f"{title} ({time.monotonic() - started:.0f} s)")
        for definition in indexes:
            cursor.execute(definition)
        say(f"{len(indexes)} indexes ({time.monotonic() - started:.0f} s)")
        for table in TABLES:
            cursor.execute(f"VACUUM ANALYZE {table}")
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}" if "search" not in table else "SELECT 1"
            )
        cursor.execute("SET session_replication_role = DEFAULT")
    say(f"all of it ({time.monotonic() - started:.0f} s)")


TABLES = (
    "contacts_contact",
    "contacts_identity",
    "contacts_search",
    "conversations_conversation",
    "conversations_message",
    "conversations_search",
    "tags_tagassignment",
)


def _drop_indexes(cursor: object) -> list[str]:
    """Those that no constraint rests on; their definitions, to be run again."""
    cursor.execute(  # type: ignore[attr-defined]
        "SELECT i.indexname, i.indexdef FROM pg_indexes i WHERE i.tablename = ANY(%s) "
        "AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)",
        [list(TABLES)],
    )
    found = cursor.fetchall()  # type: ignore[attr-defined]
    for name, _ in found:
        cursor.execute(f'DROP INDEX "{name}"')  # type: ignore[attr-defined]
    return [definition for _, definition in found]


def _word_lists(cursor: object) -> None:
    from scrm.core import search

    def rows(texts: list[str]) -> list[tuple[int, str, str]]:
        return [(n, text, search._tsvector(search.index_terms(text))) for n, text in enumerate(texts)]

    lists = {
        "bench_common": rows(list(COMMON)),
        "bench_phrases": rows(list(phrases())),
        "bench_names": rows([s + g for s, g in itertools.product(SURNAMES, GIVEN)]),
        "bench_companies": rows(list(COMPANIES)),
    }
    for table, values in lists.items():
        cursor.execute(f"CREATE TEMP TABLE {table} (k int PRIMARY KEY, text text, terms tsvector)")  # type: ignore[attr-defined]
        cursor.executemany(f"INSERT INTO {table} VALUES (%s, %s, %s::tsvector)", values)  # type: ignore[attr-defined]
        cursor.execute(f"ANALYZE {table}")  # type: ignore[attr-defined]


def _statements(size: Size) -> Iterator[tuple[str, str]]:
    """Title and statement, from the file beside this one."""
    values = {
        "{contacts}": size.contacts,
        "{conversations}": size.conversations,
        "{messages}": size.messages,
        "{spacing}": size.contacts // size.conversations,
        # Every twentieth message falls to one of these.
        "{busiest}": max(1, size.conversations // 200),
    }
    text = (Path(__file__).parent / "archive.sql").read_text()
    for name, value in values.items():
        text = text.replace(name, str(value))
    for part in text.split("-- : ")[1:]:
        title, _, statement = part.partition("\n")
        yield title, statement.strip().rstrip(";")
