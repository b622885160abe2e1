"""What partners see: each field named, nothing shown because a model happens to have it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from scrm.commerce.models import Order, OrderLine, Shipment
from scrm.connections.sentences import without_cause
from scrm.contacts.models import Contact, Event, Identity
from scrm.conversations.models import Attachment, Conversation, Decision, Message, MessageTemplate
from scrm.tags.models import TagAssignment


class IdentitySerializer(serializers.ModelSerializer[Identity]):
    class Meta:
        model = Identity
        fields = ["id", "contact", "kind", "scope", "value", "e164", "verified", "needs_repair", "valid_from", "valid_to"]
        read_only_fields = fields


class TagAssignmentSerializer(serializers.ModelSerializer[TagAssignment]):
    """A tag on a contact with its evidence: the rule and its version, the message and the words that matched."""

    slug = serializers.CharField(source="tag.slug", read_only=True)
    name = serializers.CharField(source="tag.name", read_only=True)

    class Meta:
        model = TagAssignment
        fields = ["id", "contact", "slug", "name", "rule", "rule_version", "message", "matched", "span_start", "span_end", "assigned_at"]
        read_only_fields = fields


class ConsentSerializer(serializers.Serializer[dict[str, Any]]):
    """The strictest of all current addresses of a person."""

    opted_out_at = serializers.DateTimeField(allow_null=True, help_text="Wants no messages since then.")
    marketing_opted_out_at = serializers.DateTimeField(allow_null=True, help_text="Wants no promotions since then.")
    marketing_opt_in_at = serializers.DateTimeField(allow_null=True, help_text="Allowed promotions, and declined them nowhere.")


def consent_of(identities: list[Identity]) -> dict[str, Any]:
    out = [identity.opted_out_at for identity in identities if identity.opted_out_at]
    declined = [identity.marketing_opted_out_at for identity in identities if identity.marketing_opted_out_at]
    allowed = [identity.marketing_opt_in_at for identity in identities if identity.marketing_opt_in_at]
    return {
        "opted_out_at": max(out, default=None),
        "marketing_opted_out_at": max(declined, default=None),
        "marketing_opt_in_at": None if declined or out else max(allowed, default=None),
    }


class ContactSerializer(serializers.ModelSerializer[Contact]):
    """`merged_into` names the contact that a duplicate became part of; its conversations are found there."""

    identities = IdentitySerializer(source="current_identities", many=True, read_only=True)
    tags = serializers.SerializerMethodField()
    consent = serializers.SerializerMethodField()

    @extend_schema_field(TagAssignmentSerializer(many=True))
    def get_tags(self, contact: Any) -> Any:
        """Of all records of the person; a tag that several have is told once."""
        rows = [row for record in (contact, *contact.joined) for row in record.current_tags]
        return TagAssignmentSerializer(list({row.tag_id: row for row in reversed(rows)}.values())[::-1], many=True).data

    class Meta:
        model = Contact
        fields = [
            "id",
            "name",
            "company",
            "language",
            "country",
            "time_zone",
            "priority",
            "external_id",
            "custom",
            "merged_into",
            "identities",
            "tags",
            "consent",
            "last_inbound_at",
            "last_activity_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    @extend_schema_field(ConsentSerializer)
    def get_consent(self, contact: Contact) -> dict[str, Any]:
        identities: list[Identity] = contact.current_identities  # type: ignore[attr-defined]
        return dict(ConsentSerializer(consent_of(identities)).data)


class ConversationSerializer(serializers.ModelSerializer[Conversation]):
    contact = serializers.IntegerField(source="identity.contact_id", read_only=True)
    connection = serializers.CharField(source="connection.slug", read_only=True)
    assignee = serializers.CharField(source="assignee.username", read_only=True, allow_null=True, default=None)
    team = serializers.CharField(source="team.name", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Conversation
        fields = [
            "id",
            "contact",
            "identity",
            "connection",
            "status",
            "assignee",
            "team",
            "low_priority",
            "unread_count",
            "waiting_since",
            "window_expires_at",
            "automation_paused_until",
            "snoozed_until",
            "last_message_at",
            "last_inbound_at",
            "last_preview",
            "referral",
            "opened_at",
            "closed_at",
        ]
        read_only_fields = fields


class AttachmentSerializer(serializers.ModelSerializer[Attachment]):
    class Meta:
        model = Attachment
        fields = ["id", "kind", "mime_type", "filename", "sha256", "size", "state"]
        read_only_fields = fields


class MessageSerializer(serializers.ModelSerializer[Message]):
    contact = serializers.IntegerField(source="conversation.identity.contact_id", read_only=True)
    connection = serializers.CharField(source="connection.slug", read_only=True)
    attachments = AttachmentSerializer(many=True, read_only=True)
    error_title = serializers.SerializerMethodField()

    class Meta:
        model = Message
        fields = [
            "id",
            "conversation",
            "contact",
            "connection",
            "direction",
            "kind",
            "text",
            "content",
            "attachments",
            "external_id",
            "reply_to",
            "state",
            "source",
            "category",
            "cause",
            "sent_at",
            "created_at",
            "due_at",
            "accepted_at",
            "delivered_at",
            "read_at",
            "failed_at",
            "error_code",
            "error_title",
            "price_category",
            "billable",
            "cost",
            "cost_currency",
        ]
        read_only_fields = fields

    def get_error_title(self, row: Message) -> str:
        return without_cause(row.error_title)


class EventSerializer(serializers.ModelSerializer[Event]):
    class Meta:
        model = Event
        fields = ["id", "contact", "identity", "kind", "occurred_at", "data", "cause"]
        read_only_fields = fields


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    connection = serializers.CharField(source="connection.slug", read_only=True)

    class Meta:
        model = Decision
        fields = [
            "id",
            "contact",
            "identity",
            "connection",
            "message",
            "asked_by",
            "moment",
            "verdict",
            "rule",
            "until",
            "counters",
            "cause",
            "decided_at",
        ]
        read_only_fields = fields


class OrderLineSerializer(serializers.ModelSerializer[OrderLine]):
    sku = serializers.CharField(source="product.sku", read_only=True)
    name = serializers.CharField(source="product.name", read_only=True)

    class Meta:
        model = OrderLine
        fields = ["sku", "name", "quantity", "unit_price"]
        read_only_fields = fields


class OtherLineSerializer(serializers.Serializer[dict[str, str]]):
    """As a CRM says it: a product that is not in the catalogue, or an amount that no line can hold. All texts."""

    sku = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    quantity = serializers.CharField(read_only=True)
    unit_price = serializers.CharField(read_only=True)


class ShipmentSerializer(serializers.ModelSerializer[Shipment]):
    class Meta:
        model = Shipment
        fields = ["carrier", "tracking_number", "tracking_url", "status", "expected_at"]
        read_only_fields = fields


class OrderSerializer(serializers.ModelSerializer[Order]):
    lines = OrderLineSerializer(many=True, read_only=True)
    other_lines = OtherLineSerializer(many=True, read_only=True)
    shipments = ShipmentSerializer(many=True, read_only=True)

    class Meta:
        model = Order
        fields = ["id", "number", "contact", "status", "currency", "total", "placed_at", "lines", "other_lines", "shipments"]
        read_only_fields = fields


class TemplateSerializer(serializers.ModelSerializer[MessageTemplate]):
    connection = serializers.CharField(source="connection.slug", read_only=True)

    class Meta:
        model = MessageTemplate
        fields = ["id", "connection", "name", "language", "category", "status", "components", "quality", "synced_at"]
        read_only_fields = fields
