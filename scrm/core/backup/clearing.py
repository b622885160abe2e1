"""What lies at the place: read again from time to time, removed when it is too old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings

from scrm.core import clock
from scrm.core.backup import manifests
from scrm.core.backup.manifests import MANIFESTS, SEGMENTS, short
from scrm.core.backup.places import Place
from scrm.core.backup.sealing import BackupError, Seal

# Every segment is read again once in so many days.
READ_AGAIN_DAYS = 14


def look_again(to: Place, seal: Seal, known: dict[bytes, int], lying: set[bytes], *, tell: Callable[[], None]) -> int:
    """Read today's share of what earlier runs have sent; how many were damaged or missing. They are forgotten, and so sent anew."""
    today = clock.now().toordinal() % READ_AGAIN_DAYS
    bad = [key for key in known if key not in lying]
    for name in to.names(SEGMENTS):
        digest = name.rpartition("/")[2]
        key = short(digest)
        if key not in known or int.from_bytes(key[-4:]) % READ_AGAIN_DAYS != today:
            continue
        tell()
        try:
            manifests.fetch(to, seal, [digest, known[key]])
        except BackupError:
            to.remove(name)
            bad.append(key)
    for key in bad:
        known.pop(key, None)
        lying.discard(key)
    return len(bad)


def clear_up(to: Place, seal: Seal, *, say: Callable[[str], None]) -> None:
    """Remove manifests that are too old, then the segments that no manifest names. A manifest that cannot be read stops it."""
    oldest = f"{MANIFESTS}{clock.now() - timedelta(days=settings.BACKUP_KEEP_DAYS):%Y%m%dT%H%M%S}"
    for name in manifests.names(to)[:-1]:
        if name < oldest:
            to.remove(name)
    wanted: set[bytes] = set()
    lists: set[bytes] = set()
    try:
        for name in manifests.names(to):
            manifest = manifests.read(to, seal, name)
            wanted |= {short(digest) for digest, _ in manifests.segments_of(manifest)}
            wanted |= {short(digest) for digest, _ in manifests.parts_of(to, seal, manifest, seen=lists)}
    except BackupError as error:
        say(f"nothing is cleared up: {error}")
        return
    for name in list(to.names(SEGMENTS)):
        if short(name.rpartition("/")[2]) not in wanted:
            to.remove(name)
