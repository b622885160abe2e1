"""Threads that work for others: what they return and raise comes back to whoever waits, and none of them is lost by it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from scrm.core.entrance import Crew


def halve(number: int) -> tuple[int, str]:
    if number % 2:
        raise ValueError(number)
    return number // 2, threading.current_thread().name


class Crews:
    def test_starts_no_thread_before_there_is_work(self) -> None:
        before = threading.active_count()
        crew: Crew[int, tuple[int, str]] = Crew(halve, 3)
        assert threading.active_count() == before
        crew.work_on(2)
        assert threading.active_count() == before + 3

    def test_gives_everybody_their_own_answer_and_goes_on_after_errors(self) -> None:
        crew: Crew[int, tuple[int, str]] = Crew(halve, 2)

        def ask(number: int) -> int | str:
            try:
                return crew.work_on(number)[0]
            except ValueError as error:
                return str(error)

        with ThreadPoolExecutor(8) as callers:
            answers = list(callers.map(ask, range(400)))
        assert answers == [str(number) if number % 2 else number // 2 for number in range(400)]

    def test_works_in_its_own_threads_alone(self) -> None:
        crew: Crew[int, tuple[int, str]] = Crew(halve, 2)
        assert {crew.work_on(2)[1] for _ in range(20)} <= {"web-1", "web-2"}
        with pytest.raises(ValueError, match="3"):
            crew.work_on(3)
