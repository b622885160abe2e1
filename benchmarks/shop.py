"""The shop that is measured: its numbers, its CRM, its rules and its customers' orders. Needs Django set up."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import bodies


def connect_numbers(platform: str) -> None:
    """The four WhatsApp numbers; messages go to `platform`."""
    from scrm.connections.services import upsert_connection

    for number in bodies.NUMBERS:
        upsert_connection(
            number.slug,
            label=f"Harbour Beauty {number.country}",
            kind="channel",
            adapter="whatsapp_cloud",
            account_id=number.account_id,
            settings={
                "base_url": platform,
                "api_version": "v25.0",
                "phone_number_id": number.account_id,
                "waba_id": "9" + number.account_id,
                "portfolio_id": "P1",
            },
            secrets={"access_token": "EAAbench", "app_secret": bodies.APP_SECRET, "verify_token": "bench"},
            country=number.country,
            time_zone=number.time_zone,
            tier="enterprise",
            daily_cap=1_000_000,
        )


def connect_crm() -> None:
    """A HubSpot that a person has paused: what must be written is queued as always and nobody is called."""
    from scrm.connections.services import pause, upsert_connection
    from scrm.sync.defaults import install_mappings

    crm = upsert_connection(
        "bench-crm",
        label="CRM",
        kind="crm",
        adapter="hubspot",
        settings={"base_url": "http://127.0.0.1:9", "portal_id": "1"},
        secrets={"access_token": "pat-bench", "client_secret": "bench"},
    )
    install_mappings(crm)
    pause(crm, by="benchmark")


def switch_rules_on() -> None:
    from scrm.automation import shipped as rules
    from scrm.tags import shipped as tags

    tags.install()
    rules.install()


def place_orders(people: Sequence[bodies.Customer]) -> None:
    """An order with a shipment for each customer, so that the question where it is has an answer."""
    from datetime import timedelta
    from decimal import Decimal

    from connectors.contracts import Address
    from scrm.commerce.services import LineInput, ShipmentInput, upsert_order, upsert_product
    from scrm.contacts.services import Sender, resolve_many
    from scrm.core import clock

    upsert_product("SERUM-30", name="Camellia serum 30 ml", prices={"HKD": "268.00"})
    identities = resolve_many([Sender((Address("whatsapp", who.phone),), name=who.name) for who in people])
    now = clock.now()
    for place, identity in enumerate(identities):
        upsert_order(
            f"HB-{10_000 + place}",
            contact=identity.contact,
            status="shipped",
            currency="HKD",
            total=Decimal("268.00"),
            placed_at=now - timedelta(days=3),
            lines=[LineInput("SERUM-30", 1, Decimal("268.00"))],
            shipment=ShipmentInput("SF Express", f"SF{900_000_000 + place}", "", "in_transit", now + timedelta(days=1)),
        )
