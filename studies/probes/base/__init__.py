"""What a probe is, and what probes measure with."""
