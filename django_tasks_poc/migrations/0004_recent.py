from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_tasks_poc", "0003_rights")]

    operations = [
        migrations.AddField(
            model_name="managerprocess",
            name="recent",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="JSON text: stages that ended in the last five minutes.",
                max_length=1000,
            ),
        ),
    ]
