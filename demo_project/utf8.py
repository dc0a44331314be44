"""Check that a text is UTF-8 while it streams by, and say what is wrong so that a person can correct it."""

from __future__ import annotations

import codecs

SAVE_AS = "Save the table as “CSV UTF-8” and send it again."

MARKS = {  # the longest first, because a mark of UTF-32 begins like one of UTF-16
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


class Utf8Check:
    """Finds the first byte that is not UTF-8, however the text is cut into pieces."""

    def __init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.offset, self.line = 0, 1

    def feed(self, piece: bytes, *, is_last: bool = False) -> str:
        """Return what is wrong with the text so far, or an empty string."""
        if self.offset == 0 and (encoding := marked(piece)):
            return f"The file is {encoding}, not UTF-8. {SAVE_AS}"
        pending, _ = self.decoder.getstate()  # the beginning of a character whose end is in this piece
        try:
            self.decoder.decode(piece, is_last)
        except UnicodeDecodeError as error:
            line = self.line + error.object.count(b"\n", 0, error.start)
            byte = self.offset - len(pending) + error.start
            return f"Line {line:,} is not UTF-8: 0x{error.object[error.start]:02x} at byte offset {byte:,}. {SAVE_AS}"
        self.offset += len(piece)
        self.line += piece.count(b"\n")
        return ""

    def end(self) -> str:
        """Return what is wrong with the end of the text, or an empty string."""
        return self.feed(b"", is_last=True)


def marked(piece: bytes) -> str:
    """Return the encoding other than UTF-8 that a text says it has at its beginning."""
    return next((encoding for mark, encoding in MARKS.items() if piece.startswith(mark)), "")
