"""What is measured on a GPU: one command each, resumable, at most so many minutes a call. See docs/gpu.md."""
