"""How fast webhooks are taken in, against a bare view behind the same server on the same database; and what one waits under load."""

from __future__ import annotations

from benchmarks import bodies, load
from benchmarks.measure import Result, Row, number, ratios
from benchmarks.place import Place, has_postgresql, place

TITLE = "Intake of webhooks"
CONNECTIONS = 16


def run(*, quick: bool = False, vendor: str = "postgresql") -> Result:
    if vendor == "postgresql" and not has_postgresql():
        return Result("intake", TITLE, notes=["PostgreSQL's binaries are not installed here: not measured."])
    rounds, seconds = (2, 2.0) if quick else (5, 5.0)
    workers = 2 if vendor == "postgresql" else 1
    with place(vendor) as here:
        return _measure(here, rounds, seconds, workers)


def _measure(here: Place, rounds: int, seconds: float, workers: int) -> Result:
    here.open()
    _connect()
    ours = here.granian("scrm.wsgi:application", workers=workers)
    bare = here.granian("benchmarks.bare:application", workers=workers, BENCH_SECRET=bodies.APP_SECRET, DJANGO_SETTINGS_MODULE="")
    people = bodies.customers(400)
    singles = [[each] for each in bodies.texts(people, 2000)]
    fifties = [each for each in bodies.batches(list(bodies.texts(people, 4000, seed=2)), 50) if len(each) == 50]
    to_us, to_bare, whole = _requests(singles), _requests(singles, path="/webhook/"), _requests(fifties)
    for port, requests in ((ours, to_us), (bare, to_bare)):
        load.closed(port, requests, connections=CONNECTIONS, seconds=1)
    fast, peer, generator = [], [], []
    for _ in range(rounds):
        peer.append(_checked(load.closed(bare, to_bare, connections=CONNECTIONS, seconds=seconds)).rate)
        one = _checked(load.closed(ours, to_us, connections=CONNECTIONS, seconds=seconds))
        fast.append(one.rate)
        generator.append(one.cpu_share)
    rate = 0.8 * sorted(fast)[len(fast) // 2]
    steady = [_checked(load.paced(ours, to_us, rate=rate, seconds=seconds)) for _ in range(rounds)]
    batch = [50 * _checked(load.closed(ours, whole, connections=CONNECTIONS, seconds=seconds)).rate for _ in range(rounds)]
    asked = vendor_targets = here.vendor == "postgresql"
    rows = [
        Row("bare view: signature, one INSERT", peer, "requests/s"),
        Row("ours, one message a body", fast, "requests/s"),
        Row("ours / bare view", ratios(fast, peer), "%", least=70 if asked else None),
        Row(f"ours at {number(rate)} requests/s (80 %): p50", [each.at(0.5) for each in steady], "ms"),
        Row(
            f"ours at {number(rate)} requests/s (80 %): p99", [each.at(0.99) for each in steady], "ms", most=250 if vendor_targets else None
        ),
        Row("ours, 50 messages a body", batch, "messages/s", least=10_000 if asked else None),
    ]
    notes = [
        f"{here.vendor}, granian with {workers} worker(s) and 4 threads each for both, {CONNECTIONS} connections, no job workers running.",
        f"The load generator took {100 * max(generator):.0f} % of one core.",
    ]
    return Result("intake" if asked else "intake on SQLite", f"{TITLE}, {here.vendor}", rows, notes)


def _connect() -> None:
    from django.db import connection

    from benchmarks.shop import connect_numbers

    connect_numbers("http://127.0.0.1:9")
    kind = "bytea" if connection.vendor == "postgresql" else "blob"
    key = "bigserial PRIMARY KEY" if connection.vendor == "postgresql" else "integer PRIMARY KEY AUTOINCREMENT"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bench_bodies (id {key}, body {kind} NOT NULL)")
    connection.close()


def _requests(groups: list[list[bodies.Text]], path: str = "") -> list[bytes]:
    made = []
    for group in groups:
        raw = bodies.body(group)
        made.append(
            load.request(
                path or f"/webhooks/whatsapp/{group[0].customer.number.slug}/", raw, {"X-Hub-Signature-256": bodies.signature(raw)}
            )
        )
    return made


def _checked(measured: load.Load) -> load.Load:
    if measured.refused:
        raise RuntimeError(f"answers other than 200: {measured.statuses}")
    return measured
