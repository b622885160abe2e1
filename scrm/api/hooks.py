"""Webhooks for Zapier's REST Hooks and Make's instant triggers: subscribe, cancel, samples, and polling for those who cannot be called."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from connectors.errors import ConnectorError
from scrm.api import scopes
from scrm.api.errors import Refused
from scrm.api.models import PartnerToken
from scrm.hooks import bodies, kinds, services
from scrm.hooks.models import Endpoint

# What Zapier reads of one poll; samples are the newest three.
POLLED, SAMPLES = 100, 3
EVENT = OpenApiParameter("event", str, required=True, enum=list(kinds.EVENTS), description="The kind of event.")


class SubscribeSerializer(serializers.Serializer[dict[str, Any]]):
    """`targetUrl` is where to post, `event` what about. Zapier and Make send exactly this."""

    targetUrl = serializers.URLField(max_length=1000)
    event = serializers.ChoiceField(choices=list(kinds.EVENTS))


class UnsubscribeSerializer(serializers.Serializer[dict[str, Any]]):
    targetUrl = serializers.CharField(max_length=1000)
    event = serializers.ChoiceField(choices=list(kinds.EVENTS), required=False)


class HookSerializer(serializers.ModelSerializer[Endpoint]):
    """A subscription. `secret` signs what is sent and is shown once, in the answer that made it."""

    targetUrl = serializers.CharField(source="url", read_only=True)
    event = serializers.SerializerMethodField()
    secret = serializers.SerializerMethodField()

    class Meta:
        model = Endpoint
        fields = [
            "id",
            "targetUrl",
            "event",
            "state",
            "failures",
            "last_success_at",
            "last_failure_at",
            "last_error",
            "created_at",
            "secret",
        ]
        read_only_fields = fields

    def get_event(self, row: Endpoint) -> str:
        return ",".join(row.events)

    def get_secret(self, row: Endpoint) -> str:
        return str(row.secrets.get("signing", [""])[0]) if self.context.get("fresh") else ""


class Hooks(ListModelMixin, RetrieveModelMixin, GenericViewSet[Endpoint]):
    """Webhooks that this token subscribed to. Deliveries are signed as Standard Webhooks 1.0 and retried."""

    lookup_value_regex = r"\d{1,18}"
    required_scopes = {"GET": scopes.HOOKS_WRITE, "POST": scopes.HOOKS_WRITE, "DELETE": scopes.HOOKS_WRITE}
    serializer_class = HookSerializer
    keyset: tuple[str, ...] = ("-id",)
    queryset = Endpoint.objects.all()
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[Endpoint]:
        """A token sees its own."""
        token = self.request.auth
        return Endpoint.objects.filter(token_id=token.pk) if isinstance(token, PartnerToken) else Endpoint.objects.none()

    @extend_schema(request=SubscribeSerializer, responses={201: HookSerializer, 200: HookSerializer})
    def create(self, request: Request) -> Response:
        """Subscribe. 201 with the secret when it is new, 200 when this token has it already. The address must be public and https."""
        body = SubscribeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        token = cast(PartnerToken, request.auth)
        event = body.validated_data["event"]
        _check_scope(token, event)
        if self.get_queryset().count() >= services.MOST_ENDPOINTS_A_TOKEN:
            raise Refused(_("This token has %(most)s webhooks; cancel some first.") % {"most": services.MOST_ENDPOINTS_A_TOKEN})
        try:
            row, new = services.subscribe(body.validated_data["targetUrl"], [event], token_id=token.pk, owner=token.name)
        except ConnectorError as error:
            raise ValidationError({"targetUrl": [error.title]}) from None
        answer = HookSerializer(row, context={"fresh": new})
        return Response(answer.data, status=status.HTTP_201_CREATED if new else status.HTTP_200_OK)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Cancel. Cancelling what is gone is 404, which Zapier takes as done."""
        if not services.unsubscribe(self.get_queryset().filter(pk=int(pk))):
            raise NotFound()
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=UnsubscribeSerializer, responses={204: None})
    @action(detail=False, methods=["post"], url_path="unsubscribe")
    def unsubscribe(self, request: Request) -> Response:
        """Cancel by address, for callers that keep no id. Repeating is no error."""
        body = UnsubscribeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        rows = self.get_queryset().filter(url=body.validated_data["targetUrl"])
        event = body.validated_data.get("event")
        services.unsubscribe(rows.filter(pk__in=[row.pk for row in rows if event is None or row.events == [event]]))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(parameters=[EVENT], responses={200: OpenApiTypes.OBJECT})
    @action(detail=False, methods=["get"], url_path="sample", pagination_class=None)
    def sample(self, request: Request) -> Response:
        """Up to three messages in the very shape of live ones: the newest that happened, or a made-up one."""
        event = self._event(request)
        return Response(bodies.newest(event, SAMPLES) or [bodies.sample(event)])

    @extend_schema(parameters=[EVENT], responses={200: OpenApiTypes.OBJECT})
    @action(detail=False, methods=["get"], url_path="poll", pagination_class=None)
    def poll(self, request: Request) -> Response:
        """The newest hundred, newest first; `id` differs with each event, so that nothing is dropped as seen."""
        return Response(bodies.newest(self._event(request), POLLED))

    def _event(self, request: Request) -> str:
        event = request.query_params.get("event", "")
        if not bodies.is_known(event):
            raise ValidationError({"event": [_("Write one of: %(events)s.") % {"events": ", ".join(kinds.EVENTS)}]})
        _check_scope(cast(PartnerToken, request.auth), event)
        return event


def _check_scope(token: PartnerToken, event: str) -> None:
    """What a payload shows, the token must be allowed to read."""
    if lacking := sorted(kinds.needed_scope(event) - set(token.scopes)):
        raise PermissionDenied(_("This token lacks the scope %(scope)s.") % {"scope": ", ".join(lacking)})
