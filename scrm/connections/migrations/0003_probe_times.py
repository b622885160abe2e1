from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("connections", "0002_health")]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="next_probe_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="looked at next"),
        ),
        migrations.AddField(
            model_name="connection",
            name="next_primary_probe_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(model_name="alert", name="mail_attempts", field=models.PositiveSmallIntegerField(db_default=0, default=0)),
        migrations.AddField(model_name="alert", name="mail_due_at", field=models.DateTimeField(blank=True, null=True)),
        migrations.AddField(model_name="alert", name="opening_told_at", field=models.DateTimeField(blank=True, null=True)),
        migrations.AddField(model_name="alert", name="closing_told_at", field=models.DateTimeField(blank=True, null=True)),
    ]
