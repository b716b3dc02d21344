"""A study, its arms, seeds and tuning, and its expansion into runs."""
