"""Copied-forward notes: equal ones, and nearly equal ones by MinHash."""
