"""The access tokens of connections, shared by all workers."""

import django.db.models.deletion
import scrm.core.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0005_geocoder'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeptToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('endpoint', models.CharField(choices=[('primary', 'primary'), ('standby', 'standby')], max_length=10)),
                ('token', scrm.core.fields.EncryptedJSONField(blank=True, default=dict)),
                ('version', models.PositiveBigIntegerField(default=0)),
                ('holder', models.CharField(blank=True, max_length=32)),
                ('lease_until', models.DateTimeField(null=True)),
                ('failures', models.PositiveBigIntegerField(default=0)),
                ('refusal', models.CharField(blank=True, max_length=500)),
                ('needs_login', models.BooleanField(default=False)),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='connections.connection')),
            ],
            options={
                'verbose_name': 'kept token',
                'verbose_name_plural': 'kept tokens',
                'constraints': [models.UniqueConstraint(fields=('connection', 'endpoint'), name='connections_one_token')],
            },
        ),
    ]
