"""Datasets by name, and what a loaded one is: arrays of uint8 images."""
