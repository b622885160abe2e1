"""Beats for a job that is busy with one long thing (a call to a slow platform), so that patience is not taken for death."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Protocol

from django.conf import settings
from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)

SECONDS = 5.0


class Beat(Protocol):
    def __call__(self, job: str, *, force: bool) -> None: ...


class Beater:
    """A thread of its own that only does something while a job is running; jobs are bounded by the queue's time limit."""

    def __init__(self, beat: Beat) -> None:
        self.beat = beat
        self.pid = 0
        self.job = ""

    def start(self, job: str) -> None:
        self.job = job
        if self.pid != os.getpid() and settings.JOBS_ENABLED:
            self.pid = os.getpid()
            threading.Thread(target=self._run, name="beater", daemon=True).start()

    def stop(self) -> None:
        self.job = ""

    def _run(self) -> None:
        while True:
            time.sleep(SECONDS)
            if self.job:
                try:
                    self.beat(self.job, force=True)
                except DatabaseError:
                    logger.info("no beat: the database does not answer")
                finally:
                    connection.close()
