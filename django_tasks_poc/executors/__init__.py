"""What runs the stages: siblings behind one small interface, ``Executor``."""

from __future__ import annotations

from collections.abc import Sequence

from .base import Executor, Exit, Listener
from .child import Run, run_cold
from .forkserver import serve
from .inline import InlineExecutor
from .prefork import PreforkExecutor
from .subprocess import SubprocessExecutor

__all__ = [
    "Executor",
    "Exit",
    "InlineExecutor",
    "Listener",
    "PreforkExecutor",
    "Run",
    "SubprocessExecutor",
    "make_executor",
    "run_cold",
    "serve",
]


def make_executor(
    name: str,
    listener: Listener,
    *,
    slots: int,
    command: Sequence[str] = (),
    max_stages_per_process: int = 1,
    inherit_fds: Sequence[int] = (),
    mark: str = "",
    reload: bool = False,
    run: Run | None = None,
) -> Executor:
    """Make the executor with this name, in the thread of the running loop; it is not started.

    ``command`` starts ``handle_stage`` (not for inline), ``run`` runs a request (for inline only). All processes
    inherit ``inherit_fds`` and have ``mark`` in their environment, by which ``process.kill_marked`` finds them.
    ``reload``: take up changed source files (prefork; the subprocess executor always does).
    """
    match name:
        case "prefork":
            return PreforkExecutor(
                listener,
                slots=slots,
                command=command,
                max_stages_per_process=max_stages_per_process,
                inherit_fds=inherit_fds,
                mark=mark,
                reload=reload,
            )
        case "subprocess":
            return SubprocessExecutor(listener, slots=slots, command=command, inherit_fds=inherit_fds, mark=mark)
        case "inline":
            if run is None:
                raise ValueError("The inline executor needs run.")
            return InlineExecutor(listener, slots=slots, run=run)
    raise ValueError(f"There is no executor {name!r}.")
