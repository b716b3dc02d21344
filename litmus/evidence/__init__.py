"""Estimates, differences, claims and power: from records to findings."""
