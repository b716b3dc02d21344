"""The litmus command; a file a command."""
