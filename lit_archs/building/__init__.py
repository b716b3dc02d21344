"""Networks by name: the registry, their paired initialisation, the settings of their norms."""
