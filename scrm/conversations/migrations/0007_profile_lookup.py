import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("connections", "0003_probe_times"),
        ("contacts", "0003_reachability"),
        ("conversations", "0006_attachment_url"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProfileLookup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("due_at", models.DateTimeField(db_index=True)),
                (
                    "connection",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="connections.connection"),
                ),
                (
                    "identity",
                    models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="contacts.identity"),
                ),
            ],
            options={
                "verbose_name": "name to be asked for",
                "verbose_name_plural": "names to be asked for",
            },
        ),
    ]
