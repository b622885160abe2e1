"""How common parts of names and purchases are, as counted when all contacts are compared."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0013_bulk_removal'),
    ]

    operations = [
        migrations.CreateModel(
            name='MatchFrequency',
            fields=[
                ('part', models.CharField(max_length=200, primary_key=True, serialize=False)),
                ('contacts', models.BigIntegerField()),
            ],
            options={
                'verbose_name': 'frequency for matching',
                'verbose_name_plural': 'frequencies for matching',
            },
        ),
    ]
