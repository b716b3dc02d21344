"""What records say: estimates, comparisons, claims and their verdicts."""
