"""A run's network after training: loaded, exported, asked about images."""
