"""Run one of the ideas and show what became of it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from demo_project.ideas import Idea, find_ideas
from demo_project.management.hints import admin_url, how_to_serve, manage, shown
from demo_project.management.trial import run_tasks
from django_tasks_poc import State, TaskBuilder, TaskExists
from django_tasks_poc.models import Task
from django_tasks_poc.tree import branch_of, read_tree

ALL = "all"


class Command(BaseCommand):
    help = "Run an idea of demo_project/handlers with a task manager and show its tree; without a name, list the ideas."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help=f"Which idea to run, or {ALL!r} for every one.")

    def handle(self, *, name: str | None, **options: Any) -> None:
        ideas = find_ideas()
        if name is None:
            self.show_list(ideas)
            return
        chosen = list(ideas.values()) if name == ALL else [self.choose(name, ideas)]
        self.check_tables()
        tasks = [self.build(idea) for idea in chosen]
        self.run(tasks)
        for idea, task in zip(chosen, tasks, strict=True):
            self.show(idea, task)
        self.resume([task for task in tasks if task.state == State.PAUSED])
        self.show_way()

    def show_list(self, ideas: dict[str, Idea]) -> None:
        width = max(map(len, ideas))
        for name, idea in ideas.items():
            self.stdout.write(f"{self.style.MIGRATE_LABEL(f'{name:<{width}}')}  {idea.summary}")
        self.stdout.write(f"\nTry one:         {manage('try_idea hello')}")
        self.stdout.write(f"Try all of them: {manage(f'try_idea {ALL}')}")

    def choose(self, name: str, ideas: dict[str, Idea]) -> Idea:
        if idea := ideas.get(name):
            return idea
        close = get_close_matches(name, ideas, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise CommandError(f"There is no idea {name!r}.{hint} Known: {', '.join(ideas)}; or {ALL}.")

    def check_tables(self) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError(f"The database lacks tables. Make them first: {manage('migrate')}")

    def build(self, idea: Idea) -> Task:
        """Build the task of the idea, or find that of an earlier try that is still open."""
        builder = TaskBuilder()
        try:
            return builder.build(idea.draft(builder))
        except TaskExists as exists:
            self.stdout.write(f"Going on with task {exists.uuid} of an earlier try of {idea.name}.")
            return Task.objects.get(uuid=exists.uuid)

    def run(self, tasks: list[Task]) -> None:
        self.tell("Running manage.py run_task_manager --drain")
        try:
            run_tasks(tasks, self.tell)
        except KeyboardInterrupt:
            raise CommandError("Stopped. Nothing is lost: try the same again, and it goes on.") from None

    def resume(self, paused: list[Task]) -> None:
        """Resume tasks that have paused themselves, until none does so any more."""
        while paused:
            for task in paused:
                self.stdout.write(f"\nResuming {task.title!r}, as a person can do it in the admin.")
                task.resume(reason="tried out", by="try_idea")
            self.run(paused)
            for task in paused:
                self.show_tree(task)
            paused = [task for task in paused if task.state == State.PAUSED]

    def show(self, idea: Idea, task: Task) -> None:
        heading = self.style.MIGRATE_HEADING(f"{idea.name}: {idea.summary}")
        self.stdout.write(f"\n{heading}{idea.text.removeprefix(idea.summary)}")
        self.show_tree(task)
        self.stdout.write(f"\nThe code: {shown(idea.path)}")
        self.stdout.write(f"The task: {admin_url(task.uuid)}")

    def show_tree(self, task: Task) -> None:
        lines = list(branch_of(read_tree(task)).lines())
        width = max(len(name) for name, _ in lines)
        self.stdout.write("")
        for name, branch in lines:
            text = ", ".join(filter(None, (branch.text, branch.note)))
            seconds = "" if branch.seconds is None else f"{branch.seconds:.2f} s"
            line = f"{name:<{width}}  {self.coloured(f'{branch.state:<9}')}  {seconds:>7}  {text}"
            self.stdout.write(line.rstrip())

    def show_way(self) -> None:
        self.stdout.write(f"\nTo open it in the admin: {how_to_serve()}")
        if not get_user_model().objects.filter(is_superuser=True).exists():
            self.stdout.write(f"and before that, once:   {manage('createsuperuser')}")

    def tell(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def coloured(self, state: str) -> str:
        match state.strip():
            case "":
                return state
            case State.SUCCESS:
                return self.style.SUCCESS(state)
            case State.PAUSED | State.READY | State.SKIPPED:
                return self.style.WARNING(state)
            case _:
                return self.style.ERROR(state)
