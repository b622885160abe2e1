"""Campaigns for partners: which there are, how each goes, what became of every recipient. They are written and started in the console."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from scrm.api import scopes
from scrm.api.filters import Filters, IdFilter, PersonFilter
from scrm.api.resources import Resource
from scrm.campaigns import figures
from scrm.campaigns.models import Campaign, Recipient
from scrm.staff.sight import sight_of


class FiguresSerializer(serializers.Serializer[figures.Figures]):
    """People. `sent`: taken by the platform, of them `delivered`, and of those `read`; `replied`: wrote since."""

    unchecked = serializers.IntegerField(help_text="While it is being checked.")
    waiting = serializers.IntegerField()
    on_their_way = serializers.IntegerField()
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    read = serializers.IntegerField()
    replied = serializers.IntegerField()
    unknown = serializers.IntegerField(help_text="The platform has not said whether they went.")
    failed = serializers.IntegerField()
    left_out = serializers.IntegerField()
    reasons = serializers.DictField(child=serializers.IntegerField(), help_text="Of those left out, by rule or reason.")
    waits = serializers.DictField(child=serializers.IntegerField(), help_text="Of those that wait, by rule.")
    failures = serializers.DictField(child=serializers.IntegerField(), help_text="By the platform's code.")


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    connection = serializers.CharField(source="template.connection.slug", read_only=True)
    template = serializers.CharField(source="template.name", read_only=True)
    language = serializers.CharField(source="template.language", read_only=True)
    segment = serializers.CharField(source="segment.name", read_only=True)

    class Meta:
        model = Campaign
        fields = [
            "id", "name", "connection", "template", "language", "segment", "state", "people", "eligible", "costs", "unpriced", "created_at",
            "starts_at", "started_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class CampaignWithFiguresSerializer(CampaignSerializer):
    figures = serializers.SerializerMethodField()

    class Meta(CampaignSerializer.Meta):
        fields = [*CampaignSerializer.Meta.fields, "figures"]
        read_only_fields = fields

    @extend_schema_field(FiguresSerializer)
    def get_figures(self, row: Campaign) -> dict[str, Any]:
        return dict(FiguresSerializer(figures.of(row)).data)


class RecipientSerializer(serializers.ModelSerializer[Recipient]):
    class Meta:
        model = Recipient
        fields = ["id", "campaign", "contact", "state", "reason", "note", "until", "message"]
        read_only_fields = fields


class CampaignFilters(Filters):
    state = django_filters.ChoiceFilter(choices=Campaign.State.choices)

    class Meta:
        model = Campaign
        fields: list[str] = []


class RecipientFilters(Filters):
    campaign = IdFilter(field_name="campaign_id")
    contact = PersonFilter(field_name="contact_id")
    state = django_filters.ChoiceFilter(choices=Recipient.State.choices)

    class Meta:
        model = Recipient
        fields: list[str] = []


class Campaigns(Resource):
    """One template to everybody in a segment; a campaign alone comes with its figures."""

    required_scopes = {"GET": scopes.MESSAGES_READ}
    filterset_class = CampaignFilters
    queryset = Campaign.objects.select_related("segment", "template__connection")

    def get_serializer_class(self) -> type[CampaignSerializer]:
        return CampaignWithFiguresSerializer if self.action == "retrieve" else CampaignSerializer

    def get_queryset(self) -> QuerySet[Any]:
        """A token that is limited to channels sees what is sent on those."""
        sight, rows = sight_of(self.request.user), super().get_queryset()
        return rows if sight.everything or sight.channels is None else rows.filter(template__connection__in=sight.channels)


class Recipients(Resource):
    """Whom campaigns go to, and what became of it for each."""

    required_scopes = {"GET": scopes.MESSAGES_READ}
    serializer_class = RecipientSerializer
    filterset_class = RecipientFilters
    queryset = Recipient.objects.all()
