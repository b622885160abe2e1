"""Ties between contacts that were compared, and how far a comparison has judged its pairs once more by them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0015_deliveries_unchecked'),
    ]

    operations = [
        migrations.AddField(
            model_name='matchsweep',
            name='judged',
            field=models.BigIntegerField(default=0),
        ),
        migrations.CreateModel(
            name='MatchTie',
            fields=[
                ('pk', models.CompositePrimaryKey('first_id', 'second_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('odds', models.FloatField()),
                ('sure', models.BooleanField()),
                ('first', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contacts.contact')),
                ('second', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contacts.contact')),
            ],
            options={
                'verbose_name': 'tie between contacts',
                'verbose_name_plural': 'ties between contacts',
            },
        ),
    ]
