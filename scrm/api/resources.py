"""The read side: one class a resource, each with its scope, its filters, its order and its bounded set of queries."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from scrm.api import filters, scopes, serializers
from scrm.api.keeping import KeptSerializer, PersonSerializer, keep
from scrm.api.models import PartnerToken
from scrm.api.parsers import StrictJSONParser, StrictMultiPartParser
from scrm.api.sending import RefusedSerializer, SendFileSerializer, SendSerializer, SentSerializer, send
from scrm.commerce.models import Order, OrderLine
from scrm.contacts.models import Contact, Event, Identity
from scrm.conversations.models import Conversation, Decision, Message, MessageTemplate
from scrm.conversations.services import QueueResult
from scrm.conversations.visibility import visible_to
from scrm.staff.sight import sight_of
from scrm.tags.models import TagAssignment


class Resource(ListModelMixin, RetrieveModelMixin, GenericViewSet[Any]):
    # 18 digits: a longer id than the database can hold is simply not found.
    lookup_value_regex = r"\d{1,18}"
    required_scopes: dict[str, str] = {}
    keyset: tuple[str, ...] = ("-id",)

    def get_queryset(self) -> QuerySet[Any]:
        """What this token may see; see `conversations/visibility.py`."""
        return visible_to(super().get_queryset(), self.request.user)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filters belong to lists: a row asked for by its id is found whatever else the address says."""
        return queryset if self.action == "retrieve" else super().filter_queryset(queryset)


TAGS = Prefetch(
    "tag_assignments", TagAssignment.objects.filter(removed_at=None).select_related("tag").order_by("id"), to_attr="current_tags"
)


class Contacts(Resource):
    """People, one record each. Duplicates that were merged are left out of lists unless asked for."""

    required_scopes = {"GET": scopes.CONTACTS_READ, "POST": scopes.CONTACTS_WRITE}
    serializer_class = serializers.ContactSerializer
    filterset_class = filters.ContactFilters
    queryset = Contact.objects.prefetch_related(
        Prefetch("identities", Identity.objects.filter(valid_to=None).order_by("id"), to_attr="current_identities"),
        TAGS,
        Prefetch("merged_from", Contact.objects.only("merged_into").prefetch_related(TAGS), to_attr="joined"),
    )
    parser_classes = [StrictJSONParser]

    @extend_schema(request=PersonSerializer, responses={201: KeptSerializer, 200: KeptSerializer, 409: RefusedSerializer})
    def create(self, request: Request) -> Response:
        """State a person, found by your id, the phone number or the e-mail address. Repeating changes nothing more.

        201 when the person was made, 200 when known before, 409 when the address is of a person whom you know under another id.
        """
        body = PersonSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        kept = keep(cast(PartnerToken, request.auth), body.validated_data)
        shown = {**vars(kept), "contact": self.queryset.get(pk=kept.contact_id)}
        return Response(KeptSerializer(shown).data, status=status.HTTP_201_CREATED if kept.created else status.HTTP_200_OK)


class Identities(Resource):
    """Addresses of people, past ones too."""

    required_scopes = {"GET": scopes.CONTACTS_READ}
    serializer_class = serializers.IdentitySerializer
    filterset_class = filters.IdentityFilters
    queryset = Identity.objects.all()


class Tags(Resource):
    """Tags on contacts with the evidence for each."""

    required_scopes = {"GET": scopes.CONTACTS_READ}
    serializer_class = serializers.TagAssignmentSerializer
    filterset_class = filters.TagFilters
    queryset = TagAssignment.objects.filter(removed_at=None).select_related("tag")


class Conversations(Resource):
    required_scopes = {"GET": scopes.MESSAGES_READ}
    serializer_class = serializers.ConversationSerializer
    filterset_class = filters.ConversationFilters
    keyset = ("-last_message_at", "-id")
    queryset = Conversation.objects.select_related("identity", "connection", "assignee", "team")


MESSAGES: QuerySet[Message] = Message.objects.select_related("conversation__identity", "connection").prefetch_related("attachments")


class Events(Resource):
    """What happened to whom, newest first."""

    required_scopes = {"GET": scopes.EVENTS_READ}
    serializer_class = serializers.EventSerializer
    filterset_class = filters.EventFilters
    queryset = Event.objects.all()

    @property
    def keyset(self) -> tuple[str, ...]:  # type: ignore[override]
        """By time for one contact, where an index gives that order; by number for everybody."""
        return ("-occurred_at", "-id") if "contact" in self.request.query_params else ("-id",)


class Decisions(Resource):
    """Why a message could, could not or could not yet go: the rule, its counters, the next allowed time."""

    required_scopes = {"GET": scopes.DECISIONS_READ}
    serializer_class = serializers.DecisionSerializer
    filterset_class = filters.DecisionFilters
    keyset = ("-decided_at", "-id")
    queryset = Decision.objects.select_related("connection")


class Orders(Resource):
    required_scopes = {"GET": scopes.ORDERS_READ}
    serializer_class = serializers.OrderSerializer
    filterset_class = filters.OrderFilters
    keyset = ("-placed_at", "-id")
    queryset = Order.objects.prefetch_related(Prefetch("lines", OrderLine.objects.select_related("product").order_by("id")), "shipments")


class Templates(Resource):
    """Message templates as last read from the platform."""

    required_scopes = {"GET": scopes.MESSAGES_READ}
    serializer_class = serializers.TemplateSerializer
    filterset_class = filters.TemplateFilters
    queryset = MessageTemplate.objects.select_related("connection")

    def get_queryset(self) -> QuerySet[Any]:
        """A token that is limited to channels sees what may be sent on those."""
        sight, rows = sight_of(self.request.user), super().get_queryset()
        return rows if sight.everything or sight.channels is None else rows.filter(connection__in=sight.channels)


class Messages(Resource):
    """Messages in both directions, internal notes too; sending goes through policy."""

    required_scopes = {"GET": scopes.MESSAGES_READ, "POST": scopes.MESSAGES_WRITE}
    serializer_class = serializers.MessageSerializer
    filterset_class = filters.MessageFilters
    queryset = MESSAGES
    parser_classes = [StrictJSONParser, StrictMultiPartParser]

    @extend_schema(
        request={"application/json": SendSerializer, "multipart/form-data": SendFileSerializer},
        parameters=[
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER, required=True, description="New for each message; a repeat sends nothing."
            )
        ],
        responses={201: SentSerializer, 200: SentSerializer, 409: RefusedSerializer},
    )
    def create(self, request: Request) -> Response:
        """Send a text, a template, or as a form a file.

        201 when it was queued, 200 when this key had queued it before, 409 when a rule refuses.
        """
        is_form = request.content_type.startswith("multipart/")
        body = (SendFileSerializer if is_form else SendSerializer)(data=request.data)
        body.is_valid(raise_exception=True)
        result = send(cast(PartnerToken, request.auth), request.headers.get("Idempotency-Key"), body.validated_data)
        message = MESSAGES.get(pk=result.message.pk)
        answer = SentSerializer(QueueResult(message, result.decision, result.created))
        return Response(answer.data, status=status.HTTP_201_CREATED if result.created else status.HTTP_200_OK)
