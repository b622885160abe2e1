"""What the sandbox CRM remembers. All tables live in the sandbox's own database, never beside the product's.

Remote ids are the primary keys of `Record`, shown as decimal strings. Times have millisecond resolution, as HubSpot's have.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models


class Account(models.Model):
    """The one CRM account (id 1): its credentials, its fault knobs and its limits."""

    access_token = models.CharField(max_length=80)
    client_secret = models.CharField(max_length=80)
    portal_id = models.PositiveIntegerField()
    faults: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    limits: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(default=dict)
    day = models.DateField(null=True)
    day_first_call = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"portal {self.portal_id}"


class PropertyDefinition(models.Model):
    """A custom property that a client created. The built-in ones are in `schema.py`."""

    object_type = models.CharField(max_length=40)
    name = models.CharField(max_length=100)
    label = models.CharField(max_length=200)
    type = models.CharField(max_length=20)
    field_type = models.CharField(max_length=30)
    group_name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    has_unique_value = models.BooleanField(default=False)
    options: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["object_type", "name"], name="sandbox_crm_property_name")]

    def __str__(self) -> str:
        return f"{self.object_type}.{self.name}"


class Record(models.Model):
    """One contact, deal, order, product or other record; `properties` maps names to strings, absent means empty."""

    object_type = models.CharField(max_length=40)
    properties: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    archived = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True)
    merged_into = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="merged_from")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["object_type", "archived", "id"], name="sandbox_crm_record_list"),
            models.Index(fields=["object_type", "updated_at"], name="sandbox_crm_record_changed"),
        ]

    def __str__(self) -> str:
        return f"{self.object_type} {self.pk}"


class UniqueValue(models.Model):
    """One row for each value that no second live record may carry; the constraint decides races."""

    object_type = models.CharField(max_length=40)
    name = models.CharField(max_length=100)
    value = models.CharField(max_length=255)
    record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="unique_values")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["object_type", "name", "value"], name="sandbox_crm_unique_value"),
        ]

    def __str__(self) -> str:
        return f"{self.object_type}.{self.name}"


class Association(models.Model):
    """A directed link; every association is stored twice, once from each end."""

    from_record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="associations")
    to_record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="associated_from")
    type_id = models.PositiveIntegerField()
    category = models.CharField(max_length=30, default="HUBSPOT_DEFINED")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["from_record", "to_record", "type_id"], name="sandbox_crm_association"),
        ]

    def __str__(self) -> str:
        return f"{self.from_record_id} to {self.to_record_id}"


class Write(models.Model):
    """Append-only: who wrote which record, when, with which key, and what changed ({name: [before, after]})."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    source = models.CharField(max_length=20)
    action = models.CharField(max_length=20)
    object_type = models.CharField(max_length=40)
    record_id = models.BigIntegerField(db_index=True)
    scrm_id = models.CharField(max_length=255, blank=True, db_index=True)
    trace_id = models.CharField(max_length=255, blank=True)
    correlation_id = models.CharField(max_length=36, blank=True)
    changes: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.record_id}"


class Call(models.Model):
    """One API call, for the rolling limits and for tests that count requests. Pruned after ten minutes."""

    at = models.DateTimeField(db_index=True)
    policy = models.CharField(max_length=20)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=300)
    status = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"
