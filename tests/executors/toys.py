"""Toy stages: functions of their params and the link, by the name that a request gives as its handler."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from django_tasks_poc.messages import Link


def state(params: Any, link: Any) -> dict[str, Any]:
    """Tell what a stage could have changed."""
    from django.db import connections
    from django.utils import timezone, translation

    umask = os.umask(0)
    os.umask(umask)
    return {
        "pid": os.getpid(),
        "cwd": os.getcwd(),
        "umask": umask,
        "leak": os.environ.get("LEAK", ""),
        "term": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
        "int": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "chld": signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL,
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "language": translation.get_language(),
        "zone": timezone.get_current_timezone_name(),
        "connections": [item.alias for item in connections.all(initialized_only=True) if item.connection],
        "session": os.getsid(0) == os.getpid(),
        "parent": os.getppid(),
        "stdout": not sys.stdout.closed and sys.stdout is sys.__stdout__,
        "threads": threading.active_count(),
    }


def mess_up(params: Any, link: Any) -> int:
    """Change all that can be put back."""
    from django.db import connection
    from django.utils import timezone, translation

    os.chdir("/")
    os.umask(0o077)
    os.environ["LEAK"] = "1"
    os.environ.pop("PATH", None)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    translation.activate("de")
    timezone.activate("Asia/Tokyo")
    connection.cursor().execute("SELECT 1")
    connection.set_autocommit(False)
    sys.stdout = open(os.devnull, "w")
    return os.getpid()


def noise(params: Any, link: Any) -> int:
    """Print ``bytes`` of it to stdout, the last of which are recognisable, and a little to stderr."""
    block = b"x" * 65536
    left = params["bytes"]
    while left > 0:
        left -= os.write(1, block[:left])
    os.write(1, b"the end of stdout")
    print(params.get("stderr", ""), file=sys.stderr)
    os.write(2, b"bad \xff\xfe and \0 bytes")
    return params["bytes"]


def shout(params: Any, link: Any) -> Any:
    print(params)
    print(params, file=sys.stderr)
    return params


def ignore_sigterm(params: Any, link: Link) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    link.progress(1, 1, "ready")
    time.sleep(1000)


def in_c(params: Any, link: Link) -> None:
    """Be in one call of C code that does not end: then no Python runs in this thread, or in none, as a handler would.

    What handles SIGTERM in Python is not called then.
    """
    signal.signal(signal.SIGTERM, lambda *_: None)
    link.progress(1, 1, "ready")
    if params == "others run":
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
    else:
        sum(itertools.repeat(0))  # keeps the GIL


def sleep(params: Any, link: Link) -> None:
    link.progress(1, 1, "ready")
    time.sleep(params or 1000)


def wait_for_file(params: Any, link: Link) -> None:
    while not os.path.exists(params):
        time.sleep(0.002)


def answer_term(params: Any, link: Link) -> str:
    """Answer when SIGTERM comes."""
    came = []
    signal.signal(signal.SIGTERM, lambda *_: came.append(1))
    link.progress(1, 1, "ready")
    while not came:
        time.sleep(0.01)
    return "terminated"


def exit_code(params: Any, link: Any) -> None:
    sys.exit(params)


def os_exit(params: Any, link: Any) -> None:
    print("before the end")
    os._exit(params)


class Base(BaseException):
    pass


def raise_base(params: Any, link: Any) -> None:
    raise Base("basic")


def kill_self(params: Any, link: Any) -> None:
    print("farewell", file=sys.stderr)
    os.kill(os.getpid(), params)


def segfault(params: Any, link: Any) -> None:
    import ctypes

    ctypes.string_at(0)


def grandchild(params: Any, link: Link) -> int:
    """Leave a process behind, by ``fork``, ``popen``, ``session`` or ``daemon``; answer with its pid."""
    reader, writer = os.pipe()
    sleeper = f"import os, time; os.write({writer}, b'%d;' % os.getpid()); time.sleep(1000)"
    match params:
        case "fork":
            if not os.fork():
                link.progress(66, 66, "not mine to say")
                os.write(writer, b"%d;" % os.getpid())
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                time.sleep(1000)
        case "popen" | "session":
            subprocess.Popen(
                [sys.executable, "-c", sleeper], pass_fds=[writer], start_new_session=params == "session", env={}
            )
        case "daemon":
            if not os.fork():
                os.setsid()
                if not os.fork():
                    os.write(writer, b"%d;" % os.getpid())
                    time.sleep(1000)
                os._exit(0)
            os.wait()
    return int(os.read(reader, 100).split(b";")[0])


def grandchild_stays(params: Any, link: Link) -> None:
    """Tell the pid of a program that this stage has started, and wait."""
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    link.progress(program.pid, 1, "ready")
    time.sleep(1000)


def fork_returns(params: Any, link: Any) -> int:
    """Let a fork of the stage run through the code of its parent."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
    elif params:
        raise SystemExit(0)
    return os.getpid()


def fork_checkpoints(params: Any, link: Link) -> bool:
    pid = os.fork()
    if not pid:
        os._exit(7 if link.checkpoint("{}") else 8)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 8


def leak(params: Any, link: Any) -> int:
    for _ in range(params):
        os.dup(0)
    return os.getpid()


def close_streams(params: Any, link: Any) -> int:
    sys.stdout.close()
    for fd in (1, 2):
        try:
            os.close(fd)
        except OSError:
            pass
    return os.getpid()


def thread(params: Any, link: Any) -> int:
    threading.Thread(target=time.sleep, args=(1000,)).start()
    return os.getpid()


def big(params: Any, link: Any) -> str:
    return "é" * params


def echo(params: Any, link: Any) -> Any:
    return params


def length(params: Any, link: Any) -> int:
    return len(params)


def pid(params: Any, link: Any) -> int:
    return os.getpid()


def chance(params: Any, link: Any) -> float:
    return random.random()


def report_progress(params: Any, link: Link) -> None:
    link.progress(float("nan"), 1, "no number")
    link.progress("x", None, "no number")  # type: ignore[arg-type]
    for done in range(params + 1):
        link.progress(done, params, f"\udc80 {done} " + "y" * 10_000)


def checkpoints(params: Any, link: Link) -> list[bool]:
    return [link.checkpoint(json.dumps(number)) for number in range(params)]


def spin(params: Any, link: Any) -> int:
    """Use so many seconds of CPU and MiB of memory."""
    kept = b"z" * (params["mib"] << 20)
    until = time.process_time() + params["seconds"]
    while time.process_time() < until:
        pass
    return len(kept)


def garbage(params: Any, link: Any) -> None:
    """Write to the stage's own socket what is no frame."""
    link._sock.sendall(b"\xff" * 100)
    time.sleep(1000)


def open_connection(params: Any, link: Any) -> int:
    from django.db import connection

    connection.ensure_connection()
    return os.getpid()


def inherited(params: Any, link: Any) -> dict[str, Any]:
    """Tell whether the descriptor is open here, and in a program that this process starts."""
    there = subprocess.run([sys.executable, "-c", f"import os; os.fstat({params})"], stderr=subprocess.DEVNULL)
    return {"here": os.fstat(params).st_ino, "there": there.returncode == 0}


HANDLERS = {
    name: value
    for name, value in list(globals().items())
    if callable(value) and getattr(value, "__module__", "") == __name__
}
HANDLERS |= {"starts_thread": pid, "opens_connection": pid, "kills_server": pid, "fails": pid}
