"""`manage.py sandbox_story`: customers, conversations and orders for an empty sandbox."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from scrm.sandbox.telling import Interrupted, is_told, summary, tell


class Command(BaseCommand):
    help = "Tell the sandbox's story through the real pipeline, once; web, worker and sandbox must run. Goes on where it was interrupted."
    stealth_options = ("keep_alive",)

    def handle(self, *args: Any, **options: Any) -> None:
        if is_told():
            return
        keep_alive = options.get("keep_alive") or (lambda: False)
        try:
            tell(pause=keep_alive, say=self.stdout.write)
        except Interrupted:
            self.stdout.write("The story was interrupted; the next start goes on with it.")
        except RuntimeError as error:
            raise CommandError(str(error)) from error
        else:
            self.stdout.write("  {conversations} conversations, {messages} messages so far".format(**summary()))
