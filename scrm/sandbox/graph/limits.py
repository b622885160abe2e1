"""The platform's counters: 80 messages a second for a number, one in 6 s for a pair with 45 borrowed from the future, and the people
whom a portfolio wrote to outside a service window in a moving day.

The first two are kept as the moment at which the bucket would be empty (generic cell rate), one float a row; the people with the exact
time of each. Call inside the transaction that accepts the message, so that two senders cannot spend the same allowance.
"""

from __future__ import annotations

import time

from scrm.sandbox import rows
from scrm.sandbox.graph.errors import GraphError
from scrm.sandbox.models import Chat, Number, Person
from scrm.sandbox.ratings import people_of

PAIR_GAP_SECONDS = 6.0
PAIR_BURST = 45
DAY_SECONDS = 24 * 3600.0

REACHED = "SELECT count(*) FROM sandbox_reached WHERE portfolio = %s AND at > %s"
KNOWN = REACHED + " AND person_id = %s"
REACH = (
    "INSERT INTO sandbox_reached (portfolio, person_id, at) VALUES (%s, %s, %s)"
    " ON CONFLICT (portfolio, person_id) DO UPDATE SET at = excluded.at"
)


def spend_throughput(number: Number, *, now: float | None = None) -> None:
    """130429 when the number has had its messages of this second. The mark is read afresh: `number` may be older than the transaction."""
    moment = time.time() if now is None else now
    rate_mark, throughput = rows.one("SELECT rate_mark, throughput FROM sandbox_number WHERE id = %s", [number.pk])
    mark, gap = max(rate_mark, moment), 1.0 / throughput
    if mark - moment > 1.0 - gap + 1e-6:
        raise GraphError(130429, "Cloud API message throughput has been reached.")
    rows.execute("UPDATE sandbox_number SET rate_mark = %s WHERE id = %s", [mark + gap, number.pk])


def spend_pair(chat: Chat, *, now: float | None = None) -> None:
    """131056 when this customer had 45 messages ahead of the 6-second rhythm."""
    moment = time.time() if now is None else now
    mark = max(chat.pair_mark, moment)
    if mark - moment > PAIR_GAP_SECONDS * (PAIR_BURST - 1) + 1e-6:
        raise GraphError(131056, "(Business Account, Consumer Account) pair rate limit hit")
    chat.pair_mark = mark + PAIR_GAP_SECONDS


def count_person(number: Number, person: Person, *, now: float | None = None) -> tuple[int, int | None]:
    """Count somebody who was written to first: (people of the moving day, the limit that this one went over; None when it did not).

    The platform's documents name no code for one person too many. It is let through and put on record, which shows more of a sender
    than a refusal would.
    """
    moment = time.time() if now is None else now
    since, limit = moment - DAY_SECONDS, people_of(number.messaging_tier)
    (known,) = rows.one(KNOWN, [number.portfolio_id, since, person.pk])
    rows.execute(REACH, [number.portfolio_id, person.pk, moment])
    if limit is None:
        return 0, None
    (reached,) = rows.one(REACHED, [number.portfolio_id, since])
    return reached, limit if not known and reached > limit else None
