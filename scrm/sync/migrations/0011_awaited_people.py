from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync", "0010_left_alone")]

    operations = [
        migrations.CreateModel(
            "AwaitedPerson",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("person", models.CharField(max_length=100, verbose_name="the person's id there")),
                (
                    "pull",
                    models.ForeignKey(
                        on_delete=models.deletion.CASCADE, related_name="awaited_people", to="sync.pull", verbose_name="CRM read"
                    ),
                ),
            ],
            options={
                "verbose_name": "awaited person",
                "verbose_name_plural": "awaited people",
                "constraints": [models.UniqueConstraint(fields=("person", "pull"), name="sync_awaited_once")],
            },
        ),
    ]
