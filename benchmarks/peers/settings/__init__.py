"""The projects of the peers that are Django apps: one small settings module each."""
