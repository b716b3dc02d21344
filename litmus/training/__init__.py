"""One run: its config, identity, Trainer, callbacks, checkpoints and loggers."""
