"""What the import of an orders table leaves behind: its orders, and one report."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    """One row of an imported table."""

    id = models.BigAutoField(primary_key=True)
    upload = models.UUIDField(help_text="The task that imported it, so that two imports do not mix.")
    line = models.PositiveIntegerField(help_text="Its line in the file; the header is line 1.")
    order_id = models.CharField(max_length=32)
    day = models.DateField()
    country = models.CharField(max_length=2)
    email = models.CharField(max_length=254)
    quantity = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=10, decimal_places=2)
    total = models.DecimalField(max_digits=12, decimal_places=2)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["upload", "line"], name="order_upload_line")]

    def __str__(self) -> str:
        return self.order_id


class Report(models.Model):
    """How an import ended."""

    id = models.BigAutoField(primary_key=True)
    upload = models.UUIDField(unique=True)
    file_name = models.CharField(max_length=255)
    rows = models.PositiveIntegerField()
    loaded = models.PositiveIntegerField()
    rejected = models.PositiveIntegerField()
    batches = models.PositiveIntegerField()
    text = models.TextField(help_text="JSON, the same bytes for the same table on every database.")
    rejects_path = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.file_name}: {self.loaded:,} of {self.rows:,} rows loaded"
