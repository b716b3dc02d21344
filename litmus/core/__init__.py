"""User errors, registries, config keys, metrics and keyed randomness: what all other packages import."""
