"""Imports of people from CSV and XLSX files: what was asked, how far it is, and what became of every row."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Import(models.Model):
    """One file on its way in.

    `options`: {"encoding", "delimiter", "header_row", "sheet", "regions": [...], "consent_source"}; `columns`: the headers as they stand;
    `mapping`: for each column a field's name, "custom.<key>", or "" (ignored on purpose). `position`: rows done of the phase that runs.
    `checked`: what the last dry run counted.
    """

    class State(models.TextChoices):
        UPLOADED = "uploaded", pgettext_lazy("import", "Uploaded")
        CHECKING = "checking", pgettext_lazy("import", "Being checked")
        CHECKED = "checked", pgettext_lazy("import", "Checked")
        RUNNING = "running", pgettext_lazy("import", "Running")
        PAUSED = "paused", pgettext_lazy("import", "Paused")
        STOPPED = "stopped", pgettext_lazy("import", "Stopped")
        DONE = "done", pgettext_lazy("import", "Done")
        UNDOING = "undoing", pgettext_lazy("import", "Being undone")
        UNDONE = "undone", pgettext_lazy("import", "Undone")
        FAILED = "failed", pgettext_lazy("import", "Failed")

    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.UPLOADED)
    filename = models.CharField(max_length=200)
    file = models.CharField(max_length=100, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    kind = models.CharField(max_length=4, choices=[("csv", "CSV"), ("xlsx", "XLSX")])
    options = models.JSONField(default=dict)
    columns = models.JSONField(default=list)
    mapping = models.JSONField(default=list)
    rows_total = models.PositiveIntegerField(null=True)
    position = models.PositiveIntegerField(default=0)
    checked = models.JSONField(default=dict)
    error = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    holder = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=150, blank=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-id"]
        permissions = [
            ("import_contact", "Can import contacts"),
            ("export_contact", "Can export contacts"),
            ("export_many_contacts", "Can export more than 10,000 contacts at once"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state__in=["checking", "running", "undoing"]), name="contacts_import_at_work"),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def source(self) -> str:
        """How `fields` calls what this import says."""
        return f"import:{self.pk}"


class ImportRow(models.Model):
    """What became of one row. `line`: as a spreadsheet counts, the header included. `digest`: of all that the row says, so that a row
    which was loaded before is known again, in whatever file and order it comes.

    `notes`: [{"column", "code", "value", ...}] why the row is bad, or what was done otherwise than asked; `cells`: a bad row as it came.
    `before`: what the row changed: {"fields": {name: [value, entry, value after]}, "identities": [...], "consents": [...], "tags": [...],
    "settled": [[settlement, identity]]}.
    """

    class Outcome(models.TextChoices):
        CREATED = "created", pgettext_lazy("row", "new")
        UPDATED = "updated", pgettext_lazy("row", "changed")
        UNCHANGED = "unchanged", pgettext_lazy("row", "unchanged")
        BAD = "bad", pgettext_lazy("row", "not loaded")
        UNDONE = "undone", pgettext_lazy("row", "undone")
        KEPT = "kept", pgettext_lazy("row", "not undone")

    run = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rows", db_index=False)
    line = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    # Rows tell of people who may be gone again: no constraint, so that nobody is kept by them.
    contact = models.ForeignKey("contacts.Contact", null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    digest = models.BigIntegerField(default=0)
    notes = models.JSONField(null=True)
    cells = models.JSONField(null=True)
    before = models.JSONField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "line"], name="contacts_import_line_once")]
        indexes = [models.Index(fields=["digest"], name="contacts_import_row_digest")]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.line}"


class ImportLayout(models.Model):
    """How the columns of files with these headers were last mapped. `headers`: a digest of them; `mapping`: {header: field}."""

    headers = models.CharField(max_length=64, unique=True)
    mapping = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    used_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.headers
