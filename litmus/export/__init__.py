"""A trained network: its weights, exports and predictions."""
