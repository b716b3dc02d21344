"""Lightning callbacks that measure something while a run trains; a file a probe."""
