"""What is left alone in a CRM for want of a person, by a partial index that is built beside the writes of a running system."""

from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("sync", "0009_sale_lengths")]

    operations = [
        migrations.AlterField(
            "pull",
            "state",
            models.CharField(
                choices=[
                    ("due", "Due"),
                    ("done", "In step"),
                    ("dead", "Dead letter"),
                    ("left", "Left alone"),
                    ("discarded", "Discarded by a person"),
                ],
                default="due",
                max_length=10,
                verbose_name="state",
            ),
        ),
        AddIndexBesideWrites(
            model_name="pull", index=models.Index(condition=models.Q(("state", "left")), fields=["connection", "-id"], name="sync_pull_left")
        ),
    ]
