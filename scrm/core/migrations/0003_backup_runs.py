from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0002_audit'),
    ]

    operations = [
        migrations.CreateModel(
            name='BackupRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('manifest', models.CharField(blank=True, max_length=120, verbose_name='manifest')),
                ('place', models.CharField(max_length=300, verbose_name='place')),
                ('state', models.CharField(choices=[('running', 'Under way'), ('done', 'Done'), ('failed', 'Failed')], default='running', max_length=8, verbose_name='state')),
                ('holder', models.CharField(blank=True, max_length=300)),
                ('started_at', models.DateTimeField(verbose_name='started')),
                ('touched_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended')),
                ('verified_at', models.DateTimeField(blank=True, null=True, verbose_name='verified')),
                ('rows', models.PositiveBigIntegerField(default=0, verbose_name='rows')),
                ('files', models.PositiveBigIntegerField(default=0, verbose_name='files')),
                ('segments', models.PositiveIntegerField(default=0, verbose_name='segments')),
                ('segments_sent', models.PositiveIntegerField(default=0, verbose_name='segments sent')),
                ('bytes', models.PositiveBigIntegerField(default=0, verbose_name='size')),
                ('bytes_sent', models.PositiveBigIntegerField(default=0, verbose_name='sent')),
                ('verified', models.PositiveIntegerField(default=0, verbose_name='segments read back')),
                ('damaged', models.PositiveIntegerField(default=0, verbose_name='damaged segments')),
                ('error', models.CharField(blank=True, max_length=500, verbose_name='error')),
            ],
            options={
                'verbose_name': 'backup',
                'verbose_name_plural': 'backups',
                'db_table': 'core_backup_run',
                'indexes': [models.Index(fields=['-started_at'], name='core_backups_newest')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('state',), name='core_backup_running_once')],
            },
        ),
    ]
