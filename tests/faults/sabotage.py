"""Guards taken away on purpose. Each of these must turn the check named beside it red; a check that stays green proves nothing.

| SABOTAGE | what is broken | check that must see it |
|---|---|---|
| resend_unknown | what a dead worker was sending is queued again | sent twice (crash points, chaos) |
| no_unique_item | an item's key is no longer looked at | one message for each event (chaos, same event by many threads) |
| no_fence | whoever claimed first may still send | sent twice (stalled worker) |
| check_then_insert | the law is asked without the person's lock | over the limit (concurrent senders, on PostgreSQL) |
| forget_spool | a body that the database refuses is acknowledged and dropped | lost (database away) |
| regress_states | a late status overwrites a further one | order of statuses |
| hasty_compare | signatures are compared byte by byte until the first difference | the clock sees no first byte |
| forget_attempts | a claim does not count the attempt | a body that kills its worker ends parked |
| forget_opt_out | an opt-out word is not heard | the state machine |
| no_sweep | nothing looks for what a lost wake-up left | wake-ups lost |
| no_door | threads that work wait for slow bodies | slow clients |
| keep_bodies | what was read stays in memory | the web server's growth |
| replay_blindly | a parked item is applied whoever else has done so | replay by two people at once |
| no_governor | nobody looks at the health of the numbers | the speed follows the quality (tiers) |
| deaf_to_causes | nobody asks whether a campaign or a rule still wants its message | nothing leaves after pause and stop (campaign) |
| no_team_lock | people of a team are chosen without its lock | nobody gets more than they can carry |
| trust_the_place | nothing is read back from the place of the backups | what was lost there (backups) |
| forget_the_erased | the erasure ledger is not replayed after a restore | the erased stay erased (backups) |
| send_again | nothing is held back after a restore | what may have gone out is not sent again (backups) |
| early_position | a feed's position is stored before the page's effects | resumed sync (sync deaths) |
| no_reach | people spoken to first are not counted | nothing over the tier (tiers) |
| merge_in_pieces | each statement of a merge and of its undoing stands by itself | all or nothing (merging) |
| merge_unlocked | a merge looks at people without holding them | done once, the others are told (merging, on PostgreSQL) |
| torn_backup | a backup reads each table as of its own moment | one moment (restores) |
| hasty_hooks | a webhook that was refused is sent again at once | five minutes between tries (hook storms) |
| keep_what_came | an undoing leaves with the survivor what came since for the other | gives back what was (merging) |
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any


def shorten_leases() -> None:
    """A dead worker's share comes back after seconds, so that a short run sees it. Longer than any call of these tests lasts."""
    from scrm.conversations import outbox
    from scrm.core import jobs, supervisor
    from scrm.intake import pipeline

    pipeline.LEASE = timedelta(seconds=8)
    outbox.LEASE = timedelta(seconds=9)
    outbox.LEAST_LEASE_LEFT = timedelta(seconds=4)
    jobs.SLOT_LEASE = timedelta(seconds=12)
    supervisor.SILENT_SECONDS = 20.0
    supervisor.TICKLESS_SECONDS = 25.0


def _resend_unknown() -> None:
    from scrm.conversations import outbox
    from scrm.conversations.models import Message
    from scrm.core import clock

    def expire_leases() -> int:
        return Message.objects.filter(state__in=["claimed", "sending"], lease_until__lte=clock.now()).update(
            state="queued", lease_until=None
        )

    outbox.expire_leases = expire_leases


def _no_unique_item() -> None:
    """Every item counts as new. The tables' own unique keys go as well: they are the same guard, one floor down."""
    from django.db import connections
    from django.db.backends.signals import connection_created

    from scrm.intake import pipeline
    from scrm.intake.models import InboundItem

    real = pipeline.insert_new

    def insert_new(model: Any, rows: Sequence[Any], *, key: str) -> set[Any]:
        found = real(model, rows, key=key)
        return {getattr(row, key) for row in rows} if model is InboundItem else found

    def drop_keys(connection: Any, **kwargs: Any) -> None:
        with connection.cursor() as cursor:
            if connection.alias == "default" and "conversations_message" in connection.introspection.table_names(cursor):
                cursor.execute("DROP INDEX IF EXISTS conversations_message_once")

    pipeline.insert_new = insert_new
    connection_created.connect(drop_keys, weak=False, dispatch_uid="sabotage")
    if connections["default"].connection is not None:
        drop_keys(connections["default"])


def _no_fence() -> None:
    """Any claim will do, however old."""
    from scrm.conversations import outbox
    from scrm.conversations.models import Message

    def held(claims: Sequence[Any], now: Any) -> list[tuple[Any, Message]]:
        rows = Message.objects.in_bulk([claim.pk for claim in claims])
        return [(claim, rows[claim.pk]) for claim in claims if claim.pk in rows]

    outbox.held = held


def _stale_law() -> None:
    """What was allowed when it was queued is sent, whatever happened since."""
    from scrm.conversations import outbox
    from scrm.conversations.policy import Verdict
    from scrm.conversations.standing import Standing

    class Credulous(Standing):
        def judge(self, message: Any, conversation: Any) -> Verdict:
            return Verdict("allow")

    outbox.Standing = Credulous
    outbox.stopped = lambda number: False


def _check_then_insert() -> None:
    from scrm.conversations import queueing
    from scrm.conversations.models import Conversation

    def unlocked(conversation: Any) -> Conversation:
        pk = conversation if isinstance(conversation, int) else conversation.pk
        return Conversation.objects.select_related("identity__contact", "connection").get(pk=pk)

    queueing.locked = unlocked


def _forget_spool() -> None:
    from scrm.intake import spool

    spool.write = lambda **kwargs: True


def _regress_states() -> None:
    from scrm.conversations import statuses

    statuses.after_status = lambda state, status: status


def _hasty_compare() -> None:
    from connectors import signatures

    def hastily(header: str | None, expected: list[str]) -> bool:
        return any(len(header or "") == len(each) and all(a == b for a, b in zip(header or "", each, strict=True)) for each in expected)

    signatures._matches = hastily


def _forget_attempts() -> None:
    from scrm.intake import pipeline

    real = pipeline.claim

    def claim(limit: int) -> Any:
        bodies = real(limit)
        for body in bodies:
            body.attempts = 0
            body.save(update_fields=["attempts"])
        return bodies

    pipeline.claim = claim


def _forget_opt_out() -> None:
    from scrm.conversations import inbound

    inbound._note_consent = lambda arrivals, messages: None


def _no_sweep() -> None:
    from scrm.core import jobs

    jobs.tick = lambda: None


def _replay_blindly() -> None:
    from scrm.intake import pipeline

    pipeline._settled = lambda row: True


def _no_door() -> None:
    """The few threads that work also wait for bodies, as if there were no entrance."""
    import threading

    from scrm.core import entrance

    real, work = entrance.Entrance._read, threading.BoundedSemaphore(4)

    def read(self: Any, environ: dict[str, Any]) -> None:
        with work:
            real(self, environ)

    entrance.Entrance._read = read


def _keep_bodies() -> None:
    """What has been read stays in memory for good."""
    from scrm.core import entrance

    real, kept = entrance._whole, list[Any]()

    def whole(stream: Any, length: int | None, largest: int) -> Any:
        kept.append(real(stream, length, largest))
        return kept[-1]

    entrance._whole = whole


def _no_governor() -> None:
    from scrm.conversations import governor

    governor.steer_all = lambda: None
    governor.steer_if_due = lambda number, looked_at, now: None
    governor.steer = lambda number: None


def _no_reach() -> None:
    from scrm.conversations import reach

    reach.read = lambda keys, now: {}
    reach.change = lambda key, cap, moves, now: True


def _early_position() -> None:
    from scrm.sync import feeds, pulls

    def take_over(inlet: Any, row: Any, page: Any, began: Any) -> bool:
        feeds._move_on(inlet, row, page, began)
        feeds.crash_here("pull.page")
        pulls.note(inlet, feeds._effects(inlet, page, began))
        return bool(page.more)

    feeds._take_over = take_over


def _deaf_to_causes() -> None:
    """What was queued goes, and a campaign that was stopped is not taken out of the outbox."""
    from scrm.campaigns import running
    from scrm.conversations import causes

    causes.standing = lambda asked: {}
    running.withdraw = lambda message_ids, code, reason: 0


def _no_team_lock() -> None:
    """Everybody looks before anybody has written."""
    import time

    from scrm.conversations import routing
    from scrm.staff.models import Team

    def unlocked(pk: int) -> Any:
        return Team.objects.filter(pk=pk).first()

    real = routing._agents

    def slow(team: Any, now: Any) -> Any:
        seen = real(team, now)
        time.sleep(0.05)
        return seen

    routing._locked_team, routing._agents = unlocked, slow


def _retry_everything() -> None:
    """Whatever the platform says, the same message goes again in twenty seconds."""
    from scrm.conversations import settlement
    from scrm.core import clock

    def again(claimed: Any, row: Any, error: Any, repeatable: bool) -> None:
        settlement.mine(claimed).update(state="queued", lease_until=None, due_at=clock.now() + settlement.BACK_OFF[0])

    settlement._settle = again


def _trust_the_place() -> None:
    """What was written, or what a dead process left, is there."""
    from scrm.core.backup import running

    class Trusting(running.Run):
        def _standing(self, digest: str, plain: bytes) -> int | None:
            return 1 if running.short(digest) in self.lying else None

        def _send(self, digest: str, plain: bytes) -> int:
            body = self.seal.close(plain)
            self.to.put(running.segment_name(digest), body)
            running.crash_here("backup.segment")
            return len(body)

    running.Run = Trusting


def _torn_backup() -> None:
    """And slowly, so that there is something to see."""
    import time

    from scrm.core.backup import running

    real = running._table

    def at_its_own_moment(run: Any, model: Any, connection: Any) -> Any:
        time.sleep(0.03)
        with running.snapshot() as own:
            return real(run, model, own)

    running._table = at_its_own_moment


def _without_act(stage: str) -> None:
    from scrm.core.backup import acts

    acts._acts = [each for each in acts._acts if each[0] != stage]


def _merge_in_pieces() -> None:
    """What was written up to a point is committed there."""
    from django.db import connection

    from scrm.contacts import merging

    real = merging.crash_here

    def committed(point: str) -> None:
        connection.connection.commit()
        if connection.vendor == "sqlite":
            connection.connection.execute("BEGIN")
        real(point)

    merging.crash_here = committed


def _merge_unlocked() -> None:
    """Everybody looks before anybody has written."""
    import time

    from django.db.models import Q

    from scrm.contacts import merging, overlay
    from scrm.contacts.models import Contact

    def unlocked(ids: Any, problem: Any) -> Any:
        roots = set(merging._roots(ids).values())
        rows = Contact.objects.filter(Q(pk__in=roots) | Q(merged_into__in=roots))
        seen = overlay._family({row.pk: row for row in rows}, roots)
        time.sleep(0.1)
        return seen

    merging._lock = unlocked


def _keep_what_came() -> None:
    from scrm.contacts import merging

    merging._send_home = lambda home, staying, edge: None


def _hasty_hooks() -> None:
    from scrm.hooks import delivery

    real = delivery._note_delivery

    def note(row: Any, sent: Any, endpoint: Any, now: Any) -> None:
        real(row, sent, endpoint, now)
        row.due_at = now

    delivery._note_delivery = note


SABOTAGES: dict[str, Callable[[], None]] = {
    "resend_unknown": _resend_unknown,
    "no_unique_item": _no_unique_item,
    "no_fence": _no_fence,
    "check_then_insert": _check_then_insert,
    "stale_law": _stale_law,
    "forget_spool": _forget_spool,
    "regress_states": _regress_states,
    "hasty_compare": _hasty_compare,
    "forget_attempts": _forget_attempts,
    "forget_opt_out": _forget_opt_out,
    "no_sweep": _no_sweep,
    "replay_blindly": _replay_blindly,
    "no_door": _no_door,
    "keep_bodies": _keep_bodies,
    "no_governor": _no_governor,
    "no_reach": _no_reach,
    "no_team_lock": _no_team_lock,
    "deaf_to_causes": _deaf_to_causes,
    "early_position": _early_position,
    "retry_everything": _retry_everything,
    "trust_the_place": _trust_the_place,
    "torn_backup": _torn_backup,
    "forget_the_erased": lambda: _without_act("repeat"),
    "send_again": lambda: _without_act("hold"),
    "merge_in_pieces": _merge_in_pieces,
    "merge_unlocked": _merge_unlocked,
    "keep_what_came": _keep_what_came,
    "hasty_hooks": _hasty_hooks,
}


@contextlib.contextmanager
def sabotaged(name: str) -> Iterator[None]:
    """One guard taken away in this process for as long as the block lasts. Indexes come back with the test's own transaction."""
    from django.db.backends.signals import connection_created

    from connectors import signatures
    from scrm.campaigns import running as campaigns_running
    from scrm.contacts import merging
    from scrm.conversations import causes, governor, inbound, outbox, queueing, reach, routing, services, settlement, statuses
    from scrm.core import jobs
    from scrm.core.backup import acts, running
    from scrm.hooks import delivery
    from scrm.intake import pipeline, spool
    from scrm.sync import feeds

    touched = (
        delivery,
        feeds,
        acts,
        running,
        campaigns_running,
        causes,
        governor,
        inbound,
        jobs,
        merging,
        outbox,
        queueing,
        reach,
        routing,
        services,
        settlement,
        signatures,
        statuses,
        pipeline,
        spool,
    )
    before = {module: dict(vars(module)) for module in touched}
    SABOTAGES[name]()
    try:
        yield
    finally:
        connection_created.disconnect(dispatch_uid="sabotage")
        for module, names in before.items():
            vars(module).update(names)
