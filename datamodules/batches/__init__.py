"""Batches of a dataset: their order, augmentation and normalisation, on the device that trains on them."""
