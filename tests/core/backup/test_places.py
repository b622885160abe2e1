"""Every place keeps names and bytes, says in words what it cannot do, and never shows a password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scrm.core.backup.databases import InDatabase
from scrm.core.backup.places import place, shown
from scrm.core.backup.sealing import BackupError
from tests import databases, mariadb
from tests.core.backup import bucket


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    try:
        with databases.postgresql() as server:
            yield server.url
    except databases.NoDatabase as problem:
        missing(f"PostgreSQL is not tested here: {problem}")


@pytest.fixture(scope="module")
def mysql() -> Iterator[str]:
    try:
        with mariadb.server() as url:
            yield url
    except databases.NoDatabase as problem:
        missing(f"MariaDB is not tested here: {problem}")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with bucket.server() as url:
        yield url


def missing(words: str) -> None:
    if databases.missing_is_a_failure():
        pytest.fail(words)
    pytest.skip(words)


def address(kind: str, request: pytest.FixtureRequest, folder: Path, settings: Any) -> str:
    if kind == "folder":
        return f"file://{folder}/x"
    if kind == "storage":
        own = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder / "y")}}
        settings.STORAGES = {**settings.STORAGES, "backups": own}
        return "storage:backups"
    return str(request.getfixturevalue(kind))


@pytest.mark.any_database
class Places:
    @pytest.mark.parametrize("kind", ["folder", "storage", "s3", "postgresql", "mysql"])
    def test_keep_names_and_bytes(self, kind: str, request: pytest.FixtureRequest, tmp_path: Path, settings: Any) -> None:
        to = place(address(kind, request, tmp_path, settings))
        big = bytes(range(256)) * 20_000  # more than a part, with every byte
        to.put("segments/ab/abc", big)
        to.put("segments/ab/abc", big + b"1")
        to.put("segments/cd/cde", b"")
        to.put("segments/ef/e%s_'\"", b"quoted")
        to.put("manifests/1", b"m")
        assert to.get("segments/ab/abc") == big + b"1" and to.get("segments/cd/cde") == b"" and to.get("segments/zz/none") is None
        assert list(to.names("segments/")) == ["segments/ab/abc", "segments/cd/cde", "segments/ef/e%s_'\""]
        assert list(to.names("manifests/")) == ["manifests/1"] and list(to.names("beside/")) == []
        to.put("segments/ab/abc", b"short")
        assert to.get("segments/ab/abc") == b"short"
        to.close()
        assert to.get("manifests/1") == b"m"  # a connection that was lost is made anew
        for name in [*to.names("segments/"), *to.names("manifests/")]:
            to.remove(name)
        assert list(to.names("segments/")) == []
        to.close()

    @pytest.mark.parametrize("kind", ["postgresql", "mysql"])
    def test_walk_many_names_page_by_page(self, kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: Any) -> None:
        monkeypatch.setattr("scrm.core.backup.databases.PAGE", 3)
        to = place(str(request.getfixturevalue(kind)))
        wanted = [f"segments/0{n}/x" for n in range(8)]
        for name in wanted:
            to.put(name, b"1")
        assert list(to.names("segments/")) == wanted
        for name in wanted:
            to.remove(name)

    @pytest.mark.parametrize(
        "url",
        ["", "ftp://x/y", "file://", "file://host/x", "storage:nowhere", "storage:default", "mysql://h/", "postgresql://h/", "s3:///x"],
    )
    def test_refuse_what_they_do_not_know(self, url: str) -> None:
        with pytest.raises(BackupError):
            place(url)

    def test_refuse_a_folder_among_the_files_that_are_copied(self, settings: Any, tmp_path: Path) -> None:
        settings.MEDIA_ROOT = str(tmp_path / "media")
        for folder in ("media", "media/backups", "x/../media/backups"):
            with pytest.raises(BackupError, match="MEDIA_ROOT"):
                place(f"file://{tmp_path}/{folder}")

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://scrm:geheim@127.0.0.1:1/b?connect_timeout=1",
            "mysql://scrm:geheim@127.0.0.1:1/b",
            "s3://key:geheim@bucket/x?endpoint_url=http://127.0.0.1:1&region_name=x",
        ],
    )
    def test_say_in_words_that_nobody_is_there(self, url: str) -> None:
        with pytest.raises(BackupError, match="of the backups does not do it") as told:
            place(url).put("segments/ab/abc", b"x")
        assert "geheim" not in str(told.value)

    def test_show_no_password(self) -> None:
        assert shown("postgresql://scrm:geheim@db.example.com:5432/b?sslmode=require") == "postgresql://db.example.com:5432/b"
        assert shown("s3://key:geheim@bucket/x?endpoint_url=http://s") == "s3://bucket/x"

    def test_break_nothing_when_a_write_is_broken_off(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        to = place(f"file://{tmp_path}/x")
        to.put("segments/ab/abc", b"old")

        def full(self: Path, target: Path) -> Path:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", full)
            with pytest.raises(BackupError, match="No space left"):
                to.put("segments/ab/abc", b"new")
        assert to.get("segments/ab/abc") == b"old" and len(list((tmp_path / "x").rglob("*"))) == 3


@pytest.mark.any_database
class InDatabases:
    def test_a_body_is_replaced_whole_or_not_at_all(self, mysql: str) -> None:
        to: Any = place(mysql)
        to.put("segments/ab/abc", b"old")
        real: Any = InDatabase._run

        def broken(*statements: Any) -> Any:
            return real(to, *statements[:1], "INSERT INTO nowhere VALUES (1)")

        to._run = broken
        with pytest.raises(BackupError):
            to.put("segments/ab/abc", b"new")
        del to._run
        assert to.get("segments/ab/abc") == b"old"
        to.close()
