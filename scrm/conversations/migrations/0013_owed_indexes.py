"""What has no due time yet, and what is due next: two partial indexes, built beside the writes of a running system."""

from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("conversations", "0012_answers_owed")]

    operations = [
        AddIndexBesideWrites(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(
                    ("status", "open"),
                    ("waiting_since__isnull", False),
                    models.Q(("due_for", None), ("due_for__lt", models.F("waiting_since")), _connector="OR"),
                ),
                fields=["waiting_since", "id"],
                name="conversations_unplanned",
            ),
        ),
        AddIndexBesideWrites(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("due_for__gte", models.F("waiting_since")), ("status", "open")),
                fields=["due_at", "id"],
                name="conversations_due",
            ),
        ),
    ]
