from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_tasks_poc", "0001_initial")]

    operations = [
        migrations.RemoveIndex(model_name="task", name="dtp_task_closing"),
        migrations.AddField(model_name="task", name="purging", field=models.BooleanField(default=False)),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["node", "closing", "purging"], name="dtp_task_closing"),
        ),
    ]
