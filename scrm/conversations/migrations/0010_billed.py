"""What was billed, by time, and what has no price yet: two partial indexes, built beside the writes of a running system."""

from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("conversations", "0009_costs")]

    operations = [
        AddIndexBesideWrites(
            model_name="message",
            index=models.Index(condition=models.Q(("billable__isnull", False)), fields=["connection", "accepted_at"], name="conversations_billed"),
        ),
        AddIndexBesideWrites(
            model_name="message",
            index=models.Index(condition=models.Q(("billable", True), ("cost", None)), fields=["id"], name="conversations_unpriced"),
        ),
    ]
