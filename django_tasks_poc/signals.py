"""Events of tasks, stages and managers, as Django signals (sent with ``send_robust``, after the commit).

The sender is always None. Receivers run in the process named with each signal; the manager's loop waits for them.
"""

from __future__ import annotations

from django.dispatch import Signal

#: A root task was built: in the builder's process, when its transaction commits. ``task`` (uuid), ``node``, ``title``.
task_built = Signal()

#: A task ended: in the manager. ``task`` (uuid), ``node``, ``title``, ``state``, ``message``, ``depth``.
task_ended = Signal()

#: A stage began: in the manager. ``task``, ``stage`` (uuids), ``node``, ``handler``, ``attempt``, ``pid``.
stage_started = Signal()

#: A start of a stage ended: in the manager. ``task``, ``stage``, ``node``, ``handler``, ``attempt``, ``state``,
#: ``message``, ``duration`` (seconds or None), ``outcome`` (of the attempt's post-mortem; "" where it succeeded).
stage_ended = Signal()

#: A manager began, and ended: in the manager. ``manager`` (uuid), ``node``, ``executor``, ``queue_size``.
manager_started = Signal()
manager_stopped = Signal()
