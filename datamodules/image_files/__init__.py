"""Images in files: which there are, decoding them with worker processes, keeping them resized in a mapped file."""
