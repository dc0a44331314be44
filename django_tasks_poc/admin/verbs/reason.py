"""Why somebody does it."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class ReasonForm(forms.Form):
    """A line for the activity log."""

    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto", "aria-describedby": "reason-help"}),
    )  # fmt: skip
