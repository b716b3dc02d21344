"""What the commands share: their options, and what they do once they have a plan."""
