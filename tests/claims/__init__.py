"""A file for each study: what its claims say (`CLAIMS`), and the worlds where they are all right and all wrong."""
