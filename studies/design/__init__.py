"""A study as its file declares it, and its expansion into runs."""
