# The demo project as an image for the web, the managers and every other command: docker run IMAGE COMMAND.
# For your own project copy yours instead of demo_project, and install django-tasks-poc[postgres] from the index.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY django_tasks_poc django_tasks_poc
RUN pip wheel --no-cache-dir --wheel-dir /wheels '.[postgres]' 'django-environ>=0.14,<0.15' 'gunicorn>=27,<28'

FROM python:3.13-slim
# tini hands signals on to the manager and reaps what a stage leaves behind; slim images have no init.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home tasks
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links=/wheels 'django-tasks-poc[postgres]' django-environ gunicorn
WORKDIR /app
COPY manage.py ./
COPY demo_project demo_project
RUN install --directory --owner=tasks demo_data
USER 10001
ENV PYTHONUNBUFFERED=1
# Whether the node's work goes on, by what its database says. It starts a Python, so it is asked rarely.
HEALTHCHECK --interval=60s --timeout=20s --start-period=30s CMD ["python", "manage.py", "task_health", "--node", "default"]
ENTRYPOINT ["tini", "--", "python", "manage.py"]
CMD ["run_task_manager"]
