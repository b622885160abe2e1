"""How much was said in a conversation. Rows that are there have no count until the job has counted them."""

from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("conversations", "0010_billed")]

    operations = [
        migrations.AddField("conversation", "heard", models.PositiveIntegerField(null=True)),
        migrations.AddField("conversation", "said", models.PositiveIntegerField(null=True)),
        migrations.AlterField("conversation", "heard", models.PositiveIntegerField(default=0, editable=False, null=True)),
        migrations.AlterField("conversation", "said", models.PositiveIntegerField(default=0, editable=False, null=True)),
        AddIndexBesideWrites(
            model_name="conversation",
            index=models.Index(condition=models.Q(("heard", None)), fields=["id"], name="conversations_uncounted"),
        ),
    ]
