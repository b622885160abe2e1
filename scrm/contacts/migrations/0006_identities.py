"""What a person must look at about addresses, settled numbers, addresses as they came, and which user id came with which number."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0005_homes'),
    ]

    operations = [
        migrations.AddField(
            model_name='identity',
            name='candidates',
            field=models.JSONField(blank=True, null=True, verbose_name='possible numbers'),
        ),
        migrations.AddField(
            model_name='identity',
            name='stated_with',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='contacts.identity'),
        ),
        migrations.AddField(
            model_name='identity',
            name='typed',
            field=models.CharField(blank=True, db_default='', default='', max_length=200, verbose_name='as it came'),
        ),
        migrations.CreateModel(
            name='IdentityCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('conflict', 'two people claim one address'), ('recycled', 'number came back with another user id'), ('shared', 'several people use one number')], max_length=10, verbose_name='what happened')),
                ('state', models.CharField(choices=[('open', 'Open'), ('same', 'One person'), ('different', 'Different people')], default='open', max_length=10, verbose_name='state')),
                ('detail', models.JSONField(default=dict, verbose_name='details')),
                ('found_at', models.DateTimeField(verbose_name='found')),
                ('decided_by', models.CharField(blank=True, max_length=150, verbose_name='decided by')),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided')),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contacts.contact', verbose_name='leads to')),
                ('identity', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='cases', to='contacts.identity', verbose_name='address')),
                ('merge', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='contacts.merge')),
                ('other', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contacts.contact', verbose_name='other person')),
            ],
            options={
                'verbose_name': 'address to look at',
                'verbose_name_plural': 'addresses to look at',
                'indexes': [models.Index(condition=models.Q(('state', 'open')), fields=['-id'], name='contacts_identity_cases_open')],
                'constraints': [models.UniqueConstraint(fields=('kind', 'identity', 'other'), name='contacts_identity_case_once')],
            },
        ),
        migrations.CreateModel(
            name='NumberSettlement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('raw', models.CharField(max_length=200, verbose_name='as it came')),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='why it could not be read')),
                ('candidates', models.JSONField(default=list, verbose_name='possible numbers')),
                ('chosen', models.CharField(max_length=20, verbose_name='number')),
                ('evidence', models.JSONField(default=list, verbose_name='evidence')),
                ('by', models.CharField(blank=True, help_text='Empty: by its evidence alone.', max_length=150, verbose_name='by')),
                ('settled_at', models.DateTimeField(verbose_name='settled')),
                ('undone_by', models.CharField(blank=True, max_length=150, verbose_name='taken back by')),
                ('undone_at', models.DateTimeField(blank=True, null=True, verbose_name='taken back')),
                ('identity', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='settlements', to='contacts.identity', verbose_name='address')),
            ],
            options={
                'verbose_name': 'settled number',
                'verbose_name_plural': 'settled numbers',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('undone_at', None)), fields=('identity',), name='contacts_settled_once')],
            },
        ),
    ]
