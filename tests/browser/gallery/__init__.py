"""The pictures of the docs: ``make screenshots`` runs tasks worth looking at and takes them."""
