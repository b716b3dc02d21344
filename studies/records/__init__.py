"""What lies on disk: a run, a study, and who holds a run."""
