"""Many runs on this machine: what is missing, who executes it, how long it takes."""
