"""Two managers that are started again whenever they die."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from ..managers import Manager, until
from . import witness

#: One of the two lets a process run several stages.
_ARGUMENTS = (("--queue-size", "6"), ("--queue-size", "5", "--max-stages-per-process", "5"))
#: Seconds in which a manager that was asked to stop must have ended.
_STOPS_WITHIN = 20.0


class Pair:
    """Both are signalled by others; what ends by itself is noted in ``wrong``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._all: list[Manager] = []
        self._running: list[Manager | None] = [None, None]
        self._frozen: dict[int, float] = {}
        self.wrong: list[str] = []
        self.ends: Counter[str] = Counter()

    def up(self) -> list[Manager]:
        return [one for one in self._running if one is not None and one.process.poll() is None]

    def keep_up(self) -> None:
        """Start what has died, and let go on what was frozen long enough."""
        for number, one in enumerate(self._running):
            if one is not None and one.process.poll() is None:
                continue
            if one is not None:
                self._look_at_the_end_of(one)
            self._running[number] = self.start(*_ARGUMENTS[number])
        self.thaw(time.monotonic())

    def start(self, *arguments: str) -> Manager:
        folder = self._folder / f"manager {len(self._all)}"
        folder.mkdir()
        self._all.append(Manager(arguments, str(folder)))
        return self._all[-1]

    def freeze(self, pid: int, seconds: float) -> None:
        """Stop a manager's process for a while."""
        self._frozen[pid] = time.monotonic() + seconds
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)

    def thaw(self, now: float = float("inf")) -> None:
        for pid, due in list(self._frozen.items()):
            if due <= now and any(one.pid == pid for one in self.up()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
                del self._frozen[pid]

    def end(self, chance: random.Random) -> None:
        """End both, each gently or not."""
        self.thaw()
        for number, one in enumerate(self._running):
            if one is not None:
                one.signal(chance.choice([signal.SIGTERM, signal.SIGKILL]))
                if self._ends(one, _STOPS_WITHIN, "a manager that was to stop runs on"):
                    self._look_at_the_end_of(one)
                self._running[number] = None

    def drain(self, seconds: float) -> bool:
        """Let a manager run what is left; say whether it came to an end."""
        one = self.start("--drain", "--queue-size", "8")
        if not self._ends(one, seconds, "what is left does not come to rest"):
            return False
        self._look_at_the_end_of(one, may_fail=True)
        return True

    def _ends(self, one: Manager, seconds: float, trouble: str) -> bool:
        """Wait for the end of a manager; kill one that is too late, and note the trouble."""
        try:
            one.ended(seconds)
        except AssertionError:
            self.wrong.append(f"{trouble} after {seconds:g} s. It said last:\n{_last_words_of(one)}")
            one.process.kill()
            one.process.wait()
            return False
        return True

    def clear(self) -> None:
        """Leave no process behind; note those that should have gone by themselves."""
        self.thaw()
        for one in self.up():
            one.process.kill()
        for one in self._all:
            one.process.wait()
        with suppress(AssertionError):
            until(lambda: not witness.survivors(), "all processes are gone", 5)
            return
        for pid in witness.survivors():
            command = Path("/proc", str(pid), "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            self.wrong.append(f"process {pid} outlives its manager: {command}")
            os.kill(pid, signal.SIGKILL)

    def _look_at_the_end_of(self, one: Manager, *, may_fail: bool = False) -> None:
        code, said = one.process.returncode, one.said
        self.ends[str(code)] += 1
        # One whose loop hangs is killed by the other; one that does not work yet knows nothing of signals.
        fine = code in (0, -signal.SIGKILL) or (code == -signal.SIGTERM and not said) or (code == 1 and may_fail)
        if not fine or "Traceback" in said:
            self.wrong.append(f"a manager ended with code {code}. It said last:\n{_last_words_of(one)}")


def _last_words_of(one: Manager) -> str:
    return one.said[-3000:]
