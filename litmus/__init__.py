"""The ground floor that the three packages share: errors for the user, registries of names, keyed randomness."""
