"""An app of a project whose rows refer to tasks; installed only by the tests that need it."""
