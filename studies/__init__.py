"""Studies; a file a question."""
