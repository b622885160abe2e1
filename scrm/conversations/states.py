"""The states of a message that we send, and which may follow which. Pure.

queued → claimed → sending → accepted → sent → delivered → read; side exits blocked, failed, unknown, cancelled, expired.
A state only moves forward: a late 'delivered' never overwrites 'read', and 'failed' is left by nothing but a person's re-send.
"""

from __future__ import annotations

RANK = {"queued": 0, "claimed": 1, "sending": 2, "unknown": 2, "accepted": 3, "sent": 4, "delivered": 5, "read": 6}
FINAL = frozenset({"delivered", "read", "failed", "blocked", "cancelled", "expired"})
OPEN = frozenset({"queued", "claimed", "sending"})
GONE_OUT = frozenset({"accepted", "sent", "delivered", "read"})


def after_status(state: str, status: str) -> str:
    """The state after the platform reports `status` (sent, delivered, read, failed)."""
    if status == "failed":
        return state if state in FINAL else "failed"
    if state in {"failed", "cancelled", "expired"} or status not in RANK:
        return state
    if state == "blocked":
        return state
    return status if RANK[status] > RANK.get(state, -1) else state
