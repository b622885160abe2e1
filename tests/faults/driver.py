"""The world outside the product during a fault run: customers whose platform repeats what is not acknowledged, a partner who sends
through the API and repeats with the same key. Keeps its own log of what it was promised; the checks count from that.
"""

from __future__ import annotations

import http.client
import json
import queue
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.customers import Customer, Post, body_of, signature, speak
from tests.faults.system import System

POSTERS = 5
GIVE_UP_SECONDS = 240.0


@dataclass
class Ask:
    """One message that a partner asks for; `message` is the id that the product promised."""

    key: str
    conversation: int
    text: str
    status: int = 0
    message: int = 0


@dataclass
class Driver:
    system: System
    customers: Sequence[Customer]
    seed: int
    posts: list[Post] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    acknowledged: int = 0
    slowest: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def introduce(self, seconds: float = 90.0) -> dict[str, int]:
        """Switch the shipped rules on and let the sandbox know everybody, through one message each; the conversations by phone number."""
        self.system.manage("shell", "-c", "from scrm.sandbox.onboarding import switch_rules_on; switch_rules_on()")
        rows = [{"person": {"name": c.name, "phone": c.phone}, "number": c.slug, "text": "Hi 👋"} for c in self.customers]
        for start in range(0, len(rows), 200):
            self.system.control("inbound_bulk", {"messages": rows[start : start + 200]})
        self.system.wait_until(lambda: len(self._conversations()) == len(rows), seconds + len(rows) / 10, "everybody is introduced")
        return self._conversations()

    def _conversations(self) -> dict[str, int]:
        known = dict(
            self.system.rows(
                "SELECT i.value, c.id FROM conversations_conversation c JOIN contacts_identity i ON i.contact_id = "
                "(SELECT contact_id FROM contacts_identity WHERE id = c.identity_id) WHERE i.kind = 'whatsapp'"
            )
        )
        return {customer.phone: known[customer.phone] for customer in self.customers if customer.phone in known}

    def speak(self, count: int, *, prefix: str = "F", conversations: dict[str, int] | None = None, partner_share: float = 0.1) -> None:
        """Post `count` messages; each customer's own are posted one after the other, as a platform does for one chat."""
        work: list[queue.Queue[Post | None]] = [queue.Queue(maxsize=4) for _ in range(POSTERS)]
        threads = [threading.Thread(target=self._poster, args=(lane, conversations or {}, partner_share), daemon=True) for lane in work]
        for thread in threads:
            thread.start()
        lanes = {customer.phone: index % POSTERS for index, customer in enumerate(self.customers)}
        for lane_number in range(POSTERS):
            crowd = [customer for customer in self.customers if lanes[customer.phone] == lane_number]
            share = count // POSTERS + (lane_number < count % POSTERS)
            threading.Thread(target=self._feed, args=(work[lane_number], crowd, share, f"{prefix}{lane_number}"), daemon=True).start()
        for thread in threads:
            thread.join()

    def _feed(self, lane: queue.Queue[Post | None], crowd: Sequence[Customer], count: int, prefix: str) -> None:
        for post in speak(crowd, count, seed=self.seed, prefix=prefix):
            lane.put(post)
        lane.put(None)

    def _poster(self, lane: queue.Queue[Post | None], conversations: dict[str, int], partner_share: float) -> None:
        draw = random.Random(f"{self.seed}:partner")
        while (post := lane.get()) is not None:
            with self._lock:
                self.posts.append(post)
            self.deliver(post)
            if conversations and not post.repeated and draw.random() < partner_share * 3:
                said = post.said[0]
                self.ask(Ask(f"reply-{said.wamid}", conversations[said.customer.phone], f"Our answer to {said.wamid}"))

    def deliver(self, post: Post) -> None:
        """Post until answered with 200, with growing pauses, as Meta does."""
        connection = self.system.info["connections"][post.slug]
        body = body_of(post, connection)
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature(connection["app_secret"], body)}
        began, pause = time.monotonic(), 0.1
        while time.monotonic() - began < GIVE_UP_SECONDS and self.system.running:
            post.attempts += 1
            sent = time.monotonic()
            status = post_bytes(connection["webhook_url"], body, headers)
            post.answers.append(status)
            if status == 200:
                with self._lock:
                    post.acknowledged = True
                    self.slowest = max(self.slowest, time.monotonic() - sent)
                    self.acknowledged += 0 if post.repeated else len(post.said)
                return
            time.sleep(pause)
            pause = min(pause * 2, 3.0)

    def ask(self, ask: Ask) -> None:
        """Send through the partner API until there is an answer that is not a server's trouble."""
        with self._lock:
            self.asks.append(ask)
        token = self.system.info["partner_token"]
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}", "Idempotency-Key": ask.key}
        body = json.dumps({"conversation": ask.conversation, "text": ask.text}).encode()
        began, pause = time.monotonic(), 0.1
        while time.monotonic() - began < GIVE_UP_SECONDS and self.system.running:
            request = urllib.request.Request(f"http://127.0.0.1:{self.system.port}/api/v1/messages/", data=body, headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=15) as answer:
                    ask.status, ask.message = answer.status, json.load(answer)["message"]["id"]
                    return
            except urllib.error.HTTPError as error:
                ask.status = error.code
                if error.code < 500:
                    return
            except (OSError, http.client.HTTPException, ValueError):
                pass
            time.sleep(pause)
            pause = min(pause * 2, 3.0)


def post_bytes(url: str, body: bytes, headers: dict[str, str], timeout: float = 10.0) -> int:
    """The answer's status; 0 when there is none."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers), timeout=timeout) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, http.client.HTTPException):
        return 0
