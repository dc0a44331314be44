"""A stage for each way to end a process, or to leave others behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from django.contrib.auth.models import Group

from django_tasks_poc import TaskHandlerBase

_SLEEPER = "import time; time.sleep(1000)"


class Exits(TaskHandlerBase):
    """Ends, or does not, in the way that its name says; what answers does so with its pid."""

    def __init__(self, how: str) -> None:
        self.how = how

    def handle(self, context: Any) -> Any:
        match self.how:
            case "sys.exit()":
                sys.exit()
            case "sys.exit(3)":
                sys.exit(3)
            case "sys.exit(text)":
                sys.exit("No such table.\nGive up.")
            case "os._exit(0)":
                os._exit(0)
            case "os._exit(7)":
                sys.stderr.write("half a line")
                os._exit(7)
            case "segmentation fault":
                ctypes.string_at(0)
            case "abort":
                os.abort()
            case "SIGKILL" | "SIGTERM" | "SIGXCPU":
                os.kill(os.getpid(), signal.Signals[self.how])
                time.sleep(60)
            case "real-time signal":
                os.kill(os.getpid(), signal.SIGRTMIN + 3)
            case "thread":
                threading.Thread(target=time.sleep, args=(1000,)).start()
            case "daemon thread":
                threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
            case "exit in a thread":
                thread = threading.Thread(target=sys.exit, args=(5,))
                thread.start()
                thread.join()
        return self.success("stays", os.getpid())


class Leaves(TaskHandlerBase):
    """Leaves a process behind, and answers with its pid."""

    def __init__(self, how: str) -> None:
        self.how = how

    def handle(self, context: Any) -> Any:
        if self.how == "program":
            program = subprocess.Popen([sys.executable, "-c", _SLEEPER])
            program.returncode = 0  # so that Python does not warn of it
            return self.success("left", program.pid)
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(1000)
        return self.success("left", pid)


class Forks(TaskHandlerBase):
    """Has a fork of itself come out of its code in some way, and answers with how that ended."""

    def __init__(self, how: str) -> None:
        self.how = how

    def handle(self, context: Any) -> Any:
        Group.objects.create(name=f"{self.how} {self.atomic}")
        pid = os.fork()
        if pid:
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            return self.success("I am the stage", [code, Group.objects.filter(name__startswith=self.how).exists()])
        match self.how:
            case "raises":
                raise ValueError("not mine to tell")
            case "exits":
                sys.exit(9)
        return self.success("So am I")

    def handle_error(self, context: Any, error: Any) -> Any:
        return self.error("asked for a fork")


class ForksAtomically(Forks):
    atomic = True
