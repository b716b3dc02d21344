"""The code that a user brings: a study's file and the local modules that it imports, what of it a run depends on."""
