"""What the studies' files of claims are written with."""
