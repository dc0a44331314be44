"""The form that takes a table of orders."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.text import capfirst

from .rows import COLUMNS
from .tables import TableError
from .uploads import Table, too_large


class UploadForm(forms.Form):
    """One file, received by uploads.Receiver."""

    table = forms.FileField(
        label="Table of orders",
        label_suffix="",
        error_messages={
            "required": "Choose a file first.",
            "empty": "The file is empty. Choose one that has a header line and an order on each line after it.",
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["table"]
        limit = filesizeformat(settings.MAX_UPLOAD_BYTES)
        columns = ",".join(COLUMNS)
        field.help_text = format_html("CSV in UTF-8, up to {}, with the first line <code>{}</code>", limit, columns)
        field.widget.attrs |= {"accept": ".csv,text/csv", "data-max": settings.MAX_UPLOAD_BYTES}
        field.widget.attrs["data-too-large"] = too_large()

    def clean_table(self) -> Table:
        table: Table = self.cleaned_data["table"]
        if table.refusal:
            raise ValidationError(table.refusal)
        return table

    def refuse(self, error: TableError) -> None:
        """Say what is wrong with the table, in a sentence."""
        self.add_error("table", f"{capfirst(str(error))}. Correct the file and send it again.")
