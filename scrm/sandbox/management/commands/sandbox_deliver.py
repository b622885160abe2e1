"""Posts the sandbox's webhooks until it is told to stop."""

import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from scrm.sandbox.deliverer import Deliverer


class Command(BaseCommand):
    help = "Post the sandbox's webhooks to the product; several may run at once. Ends cleanly on SIGTERM and Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="post what is due now, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        deliverer = Deliverer()
        if options["once"]:
            while deliverer.step():
                pass
            return

        def stop(signum: int, frame: FrameType | None) -> None:
            deliverer.stopping.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        deliverer.run()
