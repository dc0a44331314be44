"""This package beside what a user could pick instead: ``python -m benchmarks.peers``, or ``make bench-peers``."""
