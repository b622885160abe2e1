"""Typed readers for settings from the environment. Nonsense stops the start with a sentence that says what to write."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None, *, choices: tuple[str, ...] = ()) -> str:
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set. Set it in the environment, see 'How to go to production' in README.md.")
    if choices and value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r} is none of {', '.join(choices)}.")
    return value


def flag(name: str, default: bool) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if value in {"", "1", "true", "yes", "on", "0", "false", "no", "off"}:
        return default if not value else value in {"1", "true", "yes", "on"}
    raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no: write 1 or 0.")


def number(name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
    value = os.environ.get(name, "").strip()
    try:
        result = int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number.") from None
    if not least <= result <= most:
        raise ImproperlyConfigured(f"{name}={result} must lie between {least} and {most}.")
    return result


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in (os.environ.get(name) or default).split(",") if word.strip()]


def url(name: str, default: str | None = None) -> str:
    value = text(name, default).rstrip("/")
    if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
        raise ImproperlyConfigured(f"{name}={value!r} is not an address such as https://crm.example.com.")
    return value


SQLITE_OPTIONS: dict[str, Any] = {
    # IMMEDIATE: Django's default mode fails with 'database is locked' as soon as two readers want to write.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
}


def sqlite(path: Path, *, synchronous: str = "FULL") -> dict[str, Any]:
    init = f"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA cache_size=-20000; PRAGMA temp_store=MEMORY;"
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": SQLITE_OPTIONS | {"init_command": init},
        "CONN_MAX_AGE": 300,
        "TEST": {"NAME": str(path.with_name(f"test_{path.name}"))},
    }


def database(name: str, default: str, base: Path, *, synchronous: str = "FULL") -> dict[str, Any]:
    """`sqlite:///relative.sqlite3`, `sqlite:////absolute` or `postgresql://user:password@host:port/name?sslmode=require`."""
    value = text(name, default)
    parts = urlsplit(value)
    if parts.scheme == "sqlite":
        path = Path(parts.path[1:]) if parts.path.startswith("//") else base / parts.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        return sqlite(path, synchronous=synchronous)
    if parts.scheme in {"postgres", "postgresql"} and parts.path.strip("/"):
        options = dict(parse_qsl(parts.query))
        host = options.pop("host", None) or unquote(parts.hostname or "")
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.strip("/"),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": host,
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 300,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"connect_timeout": 5, **options},
        }
    shape = "sqlite:///var/db.sqlite3 or postgresql://user:password@host:5432/name"
    raise ImproperlyConfigured(f"{name} does not look like {shape}.")


def secret_file(path: Path, make: Any) -> str:
    """A secret for this machine alone, made once and kept readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}")
        scratch.write_text(make())
        scratch.chmod(0o600)
        with contextlib.suppress(FileExistsError):
            os.link(scratch, path)
        scratch.unlink()
    return path.read_text().strip()
