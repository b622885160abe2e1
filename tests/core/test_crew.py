"""Threads that work for others: what they return and raise comes back to whoever waits, and none of them is lost by it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from scrm.console.inbox.polls import is_likely_quiet
from scrm.core.entrance import Crew, Entrance
from scrm.staff.sessions import BY_ITSELF


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


class Entrances:
    def test_answer_what_is_quick_while_all_their_threads_are_at_work(self) -> None:
        """One page that does not end holds the only thread; the open pages' questions are answered all the while."""
        held, at_work = threading.Event(), threading.Event()

        def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            if environ["PATH_INFO"] == "/report/":
                at_work.set()
                held.wait(20)
            start_response("200 OK", [])
            return [environ["PATH_INFO"].encode()]

        entrance = Entrance(application, threads=1, limits={}, is_quick=is_likely_quiet)

        def ask(path: str, **headers: str) -> bytes:
            return b"".join(entrance({"PATH_INFO": path, "REQUEST_METHOD": "GET", **headers}, lambda *answer: None))

        with ThreadPoolExecutor(3) as browsers:
            long = browsers.submit(ask, "/report/")
            assert at_work.wait(20)
            waiting = browsers.submit(ask, BY_ITSELF)
            assert browsers.submit(ask, BY_ITSELF, HTTP_IF_NONE_MATCH='"abc"').result(20) == BY_ITSELF.encode()
            assert not long.done() and not waiting.done()
            held.set()
            assert (long.result(20), waiting.result(20)) == (b"/report/", BY_ITSELF.encode())
