"""What every probe is made of."""
