"""The link of a stage that runs where its claims are made."""

from __future__ import annotations

import msgspec

from ..messages import Link, Request
from ..processing import Processing


class Here(Link):
    """Writes at once what the stage says."""

    def __init__(self, processing: Processing, request: Request) -> None:
        self._processing = processing
        self._request = request

    def progress(self, done: float, total: float, message: str) -> None:
        text = msgspec.json.encode([done, total, message]).decode()
        self._processing.progress({self._request.stage: (self._request.token, text)})

    def checkpoint(self, cursor: str) -> bool:
        return self._processing.checkpoint(self._request.stage, self._request.token, cursor)
