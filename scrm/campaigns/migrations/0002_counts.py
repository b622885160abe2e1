from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_campaigns")]

    operations = [
        migrations.AddField("segment", "people", models.BigIntegerField(editable=False, null=True)),
        migrations.AddField("segment", "counted_at", models.DateTimeField(editable=False, null=True)),
        migrations.AddField("segment", "asked_at", models.DateTimeField(editable=False, null=True)),
        migrations.AddField("segment", "looked_to", models.BigIntegerField(db_default=0, default=0, editable=False)),
        migrations.AddField("segment", "found", models.BigIntegerField(db_default=0, default=0, editable=False)),
    ]
