"""What an administrator would do on the first day, done for the sandbox: connections, staff, catalogue, replies, rules.

The only modules of the sandbox that know the product are this one, `telling.py` and the commands; the stand-ins know wire formats only.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from connectors.contracts import Address
from scrm.api.models import PartnerToken
from scrm.api.scopes import SCOPES
from scrm.api.services import digest_of, issue_token
from scrm.automation import shipped as shipped_rules
from scrm.commerce.services import LineInput, ShipmentInput, upsert_order, upsert_product
from scrm.connections.models import Connection
from scrm.connections.services import upsert_connection
from scrm.console.models import Macro
from scrm.contacts.fields import Offer, offer
from scrm.contacts.models import Identity
from scrm.contacts.services import Sender, resolve_many
from scrm.conversations.models import QuickReply
from scrm.sandbox import numbers
from scrm.sandbox.crm.account import connection_settings as crm_settings
from scrm.sandbox.models import Person
from scrm.sandbox.seed import ensure_all
from scrm.sandbox.story.catalogue import PRODUCTS
from scrm.sandbox.story.known import BY_EMAIL, KNOWN
from scrm.sandbox.story.orders import OrderFacts, orders_for
from scrm.sandbox.story.replies import QUICK_REPLIES
from scrm.staff import roles
from scrm.staff.models import Team, User
from scrm.sync.defaults import install_mappings
from scrm.tags import shipped as shipped_tags
from scrm.tags.models import Tag

# Printed at every start; the sandbox cannot be installed in production.
PASSWORD = "sandbox"  # noqa: S105
LANGUAGES = {"zh_HK": "zh-hk", "zh_TW": "zh-hant", "ja": "ja", "en": "en", "zh_CN": "zh-hans"}
STAFF = (
    # user name, name shown, language, time zone, team, rights
    ("admin", "Aya Kobayashi", "", "Asia/Hong_Kong", "Supervisors", "administrator"),
    ("mei", "陳美儀 Mei", "zh-hant", "Asia/Hong_Kong", "Hong Kong & Singapore", "agent"),
    ("wei", "林志偉 Wei", "zh-hant", "Asia/Taipei", "Taiwan", "agent"),
    ("yuki", "田中 由紀 Yuki", "ja", "Asia/Tokyo", "Japan", "agent"),
    ("ken", "陳建國 Ken", "zh-hant", "Asia/Singapore", "Supervisors", "supervisor"),
)
# Orders of so many people are one transaction: far fewer syncs to disk, and no long hold on SQLite's one write lock.
PEOPLE_AT_ONCE = 10
AGENT_OF = {"sandbox-hk": "mei", "sandbox-tw": "wei", "sandbox-jp": "yuki"}
# Whose conversations a team answers; who is in no such team answers all.
NUMBERS_OF = {"Hong Kong & Singapore": ("sandbox-hk",), "Taiwan": ("sandbox-tw",), "Japan": ("sandbox-jp",)}
# Nobody sits at these desks: a working day until the sandbox calls an answer overdue.
MINUTES_TO_ANSWER = 8 * 60
ROLE_OF = {"agent": roles.AGENTS, "supervisor": roles.SUPERVISORS}


def set_up() -> None:
    """Idempotent, and quick when nothing is missing."""
    ensure_all()
    ensure_staff()
    ensure_connections()
    ensure_catalogue()
    ensure_replies()
    shipped_tags.install()
    ensure_macros()


def ensure_staff() -> None:
    roles.install()
    for username, name, language, zone, team_name, rights in STAFF:
        user, made = User.objects.get_or_create(
            username=username,
            defaults={
                "display_name": name,
                "language": language,
                "time_zone": zone,
                "is_staff": True,
                "is_superuser": rights == "administrator",
            },
        )
        if made:
            user.set_password(PASSWORD)
            user.save(update_fields=["password"])
            user.teams.add(Team.objects.get_or_create(name=team_name, defaults={"first_response_minutes": MINUTES_TO_ANSWER})[0])
            if rights in ROLE_OF:
                user.groups.add(Group.objects.get(name=ROLE_OF[rights]))


def team_of(number: str) -> Team | None:
    """The team that answers a number of the sandbox."""
    name = next((name for name, theirs in NUMBERS_OF.items() if number in theirs), "")
    return Team.objects.filter(name=name).first()


def ensure_connections() -> None:
    for row in numbers.connection_settings():
        upsert_connection(
            row["slug"],
            label=row["label"],
            kind=Connection.Kind.CHANNEL,
            adapter="whatsapp_cloud",
            address=row["display_phone_number"],
            account_id=row["settings"]["phone_number_id"],
            settings=row["settings"],
            secrets=row["secrets"],
            country=row["country"],
            language=row["language"],
            time_zone=row["time_zone"],
        )
    _share_out_numbers()
    crm = crm_settings()
    connection = upsert_connection(
        crm["slug"], label=crm["label"], kind=Connection.Kind.CRM, adapter=crm["adapter"], settings=crm["settings"], secrets=crm["secrets"]
    )
    install_mappings(connection)


def _share_out_numbers() -> None:
    """Once: what an administrator changed stays changed."""
    for name, slugs in NUMBERS_OF.items():
        team = Team.objects.filter(name=name, numbers=None).first()
        if team is not None:
            team.numbers.set(Connection.objects.filter(slug__in=slugs))


def ensure_catalogue() -> None:
    with transaction.atomic():
        for product in PRODUCTS:
            prices = {currency: str(price) for currency, price in product.prices.items()}
            upsert_product(product.sku, name=product.names["en"], names=product.names, aliases=product.aliases, prices=prices)


def ensure_replies() -> None:
    """Only into an empty list: what an agent deleted stays deleted."""
    if QuickReply.objects.exists():
        return
    QuickReply.objects.bulk_create(
        QuickReply(shortcut=reply.shortcut, language=language, title=reply.title, text=text)
        for reply in QUICK_REPLIES
        for language, text in reply.texts.items()
    )


def ensure_macros() -> None:
    """Two to begin with, beside the quick replies; only into an empty list."""
    if Macro.objects.exists():
        return
    thanks = QuickReply.objects.filter(shortcut="thanks").first()
    said = {"quick_reply": thanks} if thanks else {"text": "Thank you, {{name}}. Have a nice day!"}
    Macro.objects.create(name="Thank and close", shortcut="done", assign="me", then="close", **said)
    later = Macro.objects.create(
        name="Waits for the warehouse", shortcut="warehouse", note="Asked the warehouse.", assign="me", then="tomorrow"
    )
    later.tags.set(Tag.objects.filter(slug="order-status"))


def ensure_orders(now: datetime | None = None) -> int:
    """The shop's orders, as a partner's system would hand them over. Returns how many there are."""
    people = list(Person.objects.order_by("pk"))
    portfolio = numbers.ensure_numbers()[0].portfolio_id
    identities = resolve_many([sender_of(person, portfolio) for person in people], verified=Identity.Verified.CRM)
    count = 0
    pairs = list(zip(people, identities, strict=True))
    for start in range(0, len(pairs), PEOPLE_AT_ONCE):
        with transaction.atomic():
            for person, identity in pairs[start : start + PEOPLE_AT_ONCE]:
                for order in orders_for(person.user_id, person.country, now or timezone.now()):
                    _store(order, identity)
                    count += 1
    return count


def ensure_known(now: datetime | None = None) -> int:
    """What the CRM says of some customers, as a synchronisation would offer it: the ground for duplicates and differences to look at."""
    people = {person.user_id: person for person in Person.objects.filter(user_id__in=KNOWN)}
    portfolio = numbers.ensure_numbers()[0].portfolio_id
    known = [(sender_of(people[user_id], portfolio), said) for user_id, said in KNOWN.items() if user_id in people]
    known += [(Sender((Address("email", mail),), name=name, country=country), said) for name, mail, country, said in BY_EMAIL]
    identities = resolve_many([sender for sender, _said in known], verified=Identity.Verified.CRM)
    source, at = f"crm:{crm_settings()['slug']}", now or timezone.now()
    said = [values for _sender, values in known]
    outcomes = offer([Offer(identity.contact, values, source, at) for identity, values in zip(identities, said, strict=True)])
    return sum(bool(outcome.taken) for outcome in outcomes)


def sender_of(person: Person, portfolio: str) -> Sender:
    addresses = (Address("whatsapp", person.phone),) if person.phone else ()
    return Sender(
        (*addresses, Address("whatsapp_user", person.user_id, portfolio)),
        name=person.name,
        country=person.country,
        language=LANGUAGES.get(person.language, ""),
    )


def _store(order: OrderFacts, identity: Identity) -> None:
    shipment = order["shipment"]
    upsert_order(
        order["number"],
        contact=identity.contact,
        status=order["status"],
        currency=order["currency"],
        total=order["total"],
        placed_at=order["placed_at"],
        lines=[LineInput(sku=line["sku"], quantity=line["qty"], unit_price=line["unit_price"]) for line in order["lines"]],
        shipment=ShipmentInput(
            carrier=shipment["carrier"],
            tracking_number=shipment["tracking_number"],
            tracking_url=shipment["tracking_url"],
            status=shipment["status"],
            expected_at=shipment["eta"],
        )
        if shipment
        else None,
    )


def switch_rules_on() -> None:
    shipped_rules.install()


def partner_token() -> str:
    """A token for the partner API that works on this machine; kept in a file that only its owner reads."""
    file = Path(settings.VAR_DIR) / "sandbox_token"
    if file.exists():
        plaintext = file.read_text().strip()
        if PartnerToken.objects.filter(digest=digest_of(plaintext), revoked_at=None).exists():
            return plaintext
    _, plaintext = issue_token(f"sandbox partner {secrets.token_hex(2)}", SCOPES)
    file.touch(mode=0o600)
    file.write_text(plaintext)
    return plaintext
