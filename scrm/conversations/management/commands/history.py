"""`manage.py history status|compress|expire|unpack`: the text of old messages."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from scrm.conversations import history, retention


class Command(BaseCommand):
    help = (
        "Old messages: how much is compressed (status), compress what is due now (compress), remove what is older than HISTORY_KEEP_DAYS "
        "(expire), or put everything back into its rows (unpack). The workers compress and expire by themselves. "
        "Ctrl-C stops at the end of a small step; the next call goes on there."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["status", "compress", "expire", "unpack"])
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = options["format"] == "json"
        try:
            answer = getattr(self, f"_{options['what']}")(quiet)
        except KeyboardInterrupt:
            raise CommandError("stopped; call it again to go on", returncode=130) from None
        answer = {**answer, **history.figures()}
        self.stdout.write(json.dumps(answer) if quiet else _words(answer))

    def _status(self, quiet: bool) -> dict[str, Any]:
        sweep = history.open_sweep()
        return {"under_way": sweep is not None, "conversation_reached": sweep.conversation_reached if sweep else None}

    def _compress(self, quiet: bool) -> dict[str, Any]:
        if not settings.HISTORY_COMPRESS_DAYS:
            raise CommandError("HISTORY_COMPRESS_DAYS is 0: compression is switched off")
        sweep = history.begin(wait=timedelta(0))
        while sweep is not None and history.step(sweep):
            if not quiet:
                self.stdout.write(f"conversation {sweep.conversation_reached:,}: {sweep.messages:,} messages compressed")
        return {"compressed": sweep.messages if sweep else 0}

    def _expire(self, quiet: bool) -> dict[str, Any]:
        if not settings.HISTORY_KEEP_DAYS:
            raise CommandError("HISTORY_KEEP_DAYS is 0: history is kept for ever")
        tell = None if quiet else lambda count: self.stdout.write(f"{count:,} messages removed")
        return {"removed": retention.expire(progress=tell)}

    def _unpack(self, quiet: bool) -> dict[str, Any]:
        if settings.HISTORY_COMPRESS_DAYS:
            raise CommandError("the workers would compress it again: set HISTORY_COMPRESS_DAYS=0 first")
        count = 0
        while done := history.bring_back():
            count += done
            if not quiet and count % 10_000 < done:
                self.stdout.write(f"{count:,} messages unpacked")
        return {"unpacked": count}


def _words(answer: dict[str, Any]) -> str:
    saved = 1 - answer["size_after"] / answer["size_before"] if answer["size_before"] else 0
    told = [f"{name}: {value:,}" for name, value in answer.items() if isinstance(value, int) and not isinstance(value, bool)]
    return "\n".join([*told, f"saved: {saved:.1%}"])
