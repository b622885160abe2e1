"""What is to be sent at once, by its time: a partial index, built beside the writes of a running system."""

from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("hooks", "0001_hooks")]

    operations = [
        AddIndexBesideWrites(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("due_at", models.F("created_at")), ("state", "due")),
                fields=["due_at"],
                name="hooks_delivery_at_once",
            ),
        ),
    ]
