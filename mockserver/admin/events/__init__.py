"""The stream of what happens: its events, and those who listen."""
