"""System checks that stop the start when the settings would hurt later."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections


@register()
def spool_is_writable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Without the spool a database outage would lose what the platforms send."""
    folder = Path(settings.SPOOL_DIR)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return [
            Error(
                f"The spool folder {folder} cannot be written: {error}.",
                hint="Set SPOOL_DIR to a folder that the web processes may write.",
                id="scrm.E001",
            )
        ]
    return []


@register()
def jobs_are_configured_for_at_least_once(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """django-q2's lock starts at fetch: a short retry runs waiting jobs twice, a long queue makes it worse."""
    cluster: dict[str, Any] = settings.Q_CLUSTER
    problems: list[CheckMessage] = []
    if cluster["retry"] <= cluster["timeout"] * 3:
        problems.append(Error("Q_CLUSTER['retry'] must exceed three times its timeout.", id="scrm.E002"))
    if cluster["queue_limit"] > cluster["workers"]:
        problems.append(Error("Q_CLUSTER['queue_limit'] must not exceed its workers.", id="scrm.E003"))
    return problems


@register()
def production_has_no_sandbox(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.PRODUCTION and any(name.startswith("scrm.sandbox") for name in settings.INSTALLED_APPS):
        return [Error("The sandbox is installed in production.", hint="Unset SCRM_SANDBOX.", id="scrm.E004")]
    return []


@register("database", deploy=False)
def sqlite_is_recent(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    import sqlite3

    if connections["default"].vendor == "sqlite" and sqlite3.sqlite_version_info < (3, 35):
        return [Error(f"SQLite {sqlite3.sqlite_version} is too old, 3.35 is needed.", id="scrm.E005")]
    return []


@register(Tags.security, deploy=True)
def production_has_backups(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.PRODUCTION and not settings.BACKUP_URL:
        return [Warning("No backups are made.", hint="Set BACKUP_URL and BACKUP_KEY, see 'Backups' in README.md.", id="scrm.W006")]
    return []
