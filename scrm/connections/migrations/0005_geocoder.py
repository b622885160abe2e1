"""Connections that lead to a geocoder."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0004_owner'),
    ]

    operations = [
        migrations.AlterField(
            model_name='connection',
            name='kind',
            field=models.CharField(choices=[('channel', 'Channel'), ('crm', 'CRM'), ('geocoder', 'Geocoder')], max_length=10, verbose_name='kind'),
        ),
    ]
