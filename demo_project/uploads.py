"""Take in an uploaded table: stream it to the disk under a name of our own, and check it on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from .utf8 import Utf8Check

OVERHEAD = 64 * 1024  # bytes that a form may have beside its file: boundaries, headers, its other fields


class Table(UploadedFile):
    """The table that came with a form: stored at ``path``, unless there is a ``refusal``, which says what to do."""

    def __init__(self, name: str, receiver: Receiver) -> None:
        super().__init__(name=name, size=receiver.size)
        self._receiver = receiver

    @property
    def path(self) -> Path:
        return self._receiver.path

    @property
    def digest(self) -> str:
        return self._receiver.digest.hexdigest()

    @property
    def refusal(self) -> str:
        return self._receiver.refusal


class Receiver(FileUploadHandler):
    """Stores the one file of a request. What is refused is removed at once, and its rest read and forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.path: Path = settings.UPLOADS / f"{uuid4()}.csv"
        self.file: BinaryIO | None = None
        self.files = self.size = 0
        self.is_kept = False
        self.refusal = ""
        self.digest = hashlib.sha256()
        self.check = Utf8Check()

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.files += 1
        if self.files > 1:
            self.refuse("Send one file at a time.")
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.file = self.path.open("xb")
        except OSError as error:
            self.refuse(no_room(error))

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.size += len(raw_data)
        if self.refusal or self.file is None:
            return
        if self.size > settings.MAX_UPLOAD_BYTES:
            self.refuse(too_large())
        elif wrong := self.check.feed(raw_data):
            self.refuse(wrong)
        else:
            self.store(self.file, raw_data)

    def store(self, file: BinaryIO, piece: bytes) -> None:
        self.digest.update(piece)
        try:
            file.write(piece)
            file.flush()  # so that a full disk is noticed here
        except OSError as error:
            self.refuse(no_room(error))

    def file_complete(self, file_size: int) -> Table:
        if not self.refusal and (wrong := self.check.end()):
            self.refuse(wrong)
        if self.file is not None:
            self.file.close()
        return Table(self.file_name or "", self)

    def refuse(self, reason: str) -> None:
        self.refusal = reason
        self.remove()

    def remove(self) -> None:
        """Leave nothing behind."""
        if self.file is not None:
            with suppress(OSError):  # what could not be written cannot be at the end either
                self.file.close()
            self.file = None
            self.path.unlink(missing_ok=True)


@contextmanager
def receiving(request: HttpRequest) -> Iterator[Receiver]:
    """Let a receiver take the files of a request; what it stored is gone at the end, unless it is to be kept."""
    receiver = Receiver()
    request.upload_handlers = [receiver]
    try:
        yield receiver
    finally:
        if not receiver.is_kept:
            receiver.remove()


def is_too_large(request: HttpRequest) -> bool:
    """Say whether a request announces more than a table may have, before any of it is read."""
    try:
        announced = int(request.headers.get("content-length") or 0)
    except ValueError:  # Django takes it for none
        return False
    return announced > settings.MAX_UPLOAD_BYTES + OVERHEAD


def too_large() -> str:
    limit = filesizeformat(settings.MAX_UPLOAD_BYTES)
    return f"The file is larger than {limit}. Split it into smaller tables, each with the header, and send those."


def no_room(error: OSError) -> str:
    return f"The file cannot be stored here: {error.strerror}. Nothing of it was kept; try again later."
