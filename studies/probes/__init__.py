"""Probes: what can be measured while a run trains, one file each."""
