"""The user who acts on a running task, keeps what was answered, and asks again where no answer came."""

from __future__ import annotations

from django_tasks_poc.models import Task

from .handlers import Witness, witness
from .points import phase

#: What is done, in this order: each when a round of the manager has claimed and not yet run.
VERBS = ("pause", "resume", "cancel", "retry_failed")


class User:
    """Acts on the task with this title, if there is one."""

    def __init__(self, title: str) -> None:
        self._title = title

    def ask_again(self) -> None:
        """Repeat the verb to which no answer came."""
        asked, answered = self._told("asks"), self._told("heard")
        for verb in VERBS:
            if verb in asked and verb not in answered:
                self._ask(verb)

    def act(self) -> None:
        """Give the next verb, if it is time."""
        answered = self._told("heard")
        verb = next((verb for verb in VERBS if verb not in answered), None)
        if verb is not None and self._is_time(verb):
            witness(f"user asks {verb}")
            self._ask(verb)

    def _told(self, word: str) -> set[str]:
        names = Witness.objects.filter(name__startswith=f"user {word} ").values_list("name", flat=True)
        return {name.split()[-1] for name in names}

    def _is_time(self, verb: str) -> bool:
        root = Task.objects.get(title=self._title)
        if verb == "pause":
            return Task.objects.visible().filter(root=root, depth=1).exists()
        # Its finally has run too.
        return verb != "retry_failed" or not root.active

    def _ask(self, verb: str) -> None:
        root = Task.objects.get(title=self._title)
        with phase(verb):
            getattr(root, verb)(reason="to see", by="user")
        witness(f"user heard {verb}")
