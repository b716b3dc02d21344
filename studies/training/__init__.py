"""One run: its config, its identity, how it trains, what it leaves."""
