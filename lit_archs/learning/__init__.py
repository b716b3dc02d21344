"""The LightningModules that train networks: losses, metrics, optimiser and schedule."""
