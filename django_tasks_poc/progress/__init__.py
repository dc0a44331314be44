"""The progress of one task for a project's own pages: what it says, who may see it, and the view that keeps it live."""
