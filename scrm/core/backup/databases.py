"""Backups in a table of another database: `scrm_backup(name, part, body)`, large bodies in parts below what a packet may hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from scrm.core.backup.places import address
from scrm.core.backup.sealing import BackupError

PART = 4 * 2**20
PAGE = 5000
TIMEOUT_SECONDS = 20
ANSWER_SECONDS = 300


class InDatabase(ABC):
    """What PostgreSQL and MySQL have in common: the same statements, each put one transaction."""

    blob = "BYTEA"
    troubles: tuple[type[Exception], ...] = ()

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection: Any = None
        self._run(
            f"CREATE TABLE IF NOT EXISTS scrm_backup (name VARCHAR(190) NOT NULL, part INTEGER NOT NULL, body {self.blob} NOT NULL, "
            "PRIMARY KEY (name, part))"
        )

    @abstractmethod
    def _connect(self) -> Any:
        """A new connection of the driver."""

    def _run(self, *statements: Any) -> list[Any]:
        """Statements in one transaction, each a text or (text, values); the rows of the last. A lost connection is made anew once."""
        for attempt in (1, 2):
            try:
                if self._connection is None:
                    self._connection = self._connect()
                with self._connection.cursor() as cursor:
                    rows: list[Any] = []
                    for statement in statements:
                        sql, values = statement if isinstance(statement, tuple) else (statement, ())
                        cursor.execute(sql, values)
                        rows = list(cursor.fetchall()) if cursor.description else []
                self._connection.commit()
            except self.troubles as error:
                self.close()
                if attempt == 2:
                    raise BackupError(f"the database of the backups does not do it: {str(error)[:200]}") from error
            else:
                return rows
        return []

    def put(self, name: str, body: bytes) -> None:
        parts = [body[start : start + PART] for start in range(0, max(1, len(body)), PART)]
        adding = [("INSERT INTO scrm_backup (name, part, body) VALUES (%s, %s, %s)", (name, n, part)) for n, part in enumerate(parts)]
        self._run(("DELETE FROM scrm_backup WHERE name = %s", (name,)), *adding)

    def get(self, name: str) -> bytes | None:
        numbers = self._run(("SELECT part FROM scrm_backup WHERE name = %s ORDER BY part", (name,)))
        if not numbers:
            return None
        bodies = [self._run(("SELECT body FROM scrm_backup WHERE name = %s AND part = %s", (name, part))) for (part,) in numbers]
        return b"".join(bytes(rows[0][0]) for rows in bodies if rows)

    def names(self, prefix: str) -> Iterator[str]:
        reached = prefix
        while rows := self._run(
            ("SELECT DISTINCT name FROM scrm_backup WHERE name > %s AND name LIKE %s ORDER BY name LIMIT %s", (reached, f"{prefix}%", PAGE))
        ):
            yield from (str(name) for (name,) in rows)
            reached = str(rows[-1][0])

    def remove(self, name: str) -> None:
        self._run(("DELETE FROM scrm_backup WHERE name = %s", (name,)))

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except self.troubles:
                return


class InPostgreSQL(InDatabase):
    def __init__(self, url: str) -> None:
        import psycopg

        self.troubles = (psycopg.Error,)
        super().__init__(url)

    def _connect(self) -> Any:
        import psycopg

        to = address(self.url)
        given = {"host": to["host"], "port": to["port"], "user": to["user"], "password": to["password"], "dbname": to["database"]}
        options = {"connect_timeout": TIMEOUT_SECONDS, **to["options"]}
        return psycopg.connect(**{key: value for key, value in given.items() if value}, **options)


class InMySQL(InDatabase):
    blob = "LONGBLOB"

    def __init__(self, url: str) -> None:
        try:
            import pymysql
        except ImportError as error:
            raise BackupError("A backup in MySQL or MariaDB needs PyMySQL: pip install PyMySQL, see docs/dependencies.md.") from error
        self.troubles = (pymysql.MySQLError,)
        super().__init__(url)

    def _connect(self) -> Any:
        import pymysql

        to = address(self.url)
        options = to["options"]
        given: dict[str, Any] = {} if "unix_socket" in options else {"host": to["host"], "port": to["port"] or 3306}
        given |= {"user": to["user"], "password": to["password"], "database": to["database"], "charset": "utf8mb4"}
        waits = {"connect_timeout": TIMEOUT_SECONDS, "read_timeout": ANSWER_SECONDS, "write_timeout": ANSWER_SECONDS}
        return pymysql.connect(**given, **waits, **options)
