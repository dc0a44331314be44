"""Figures of this package on this machine: ``python -m benchmarks``, or ``make bench``."""
