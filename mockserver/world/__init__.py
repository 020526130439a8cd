"""A world as a value, and a world while it is served: clock, journal, history, snapshots, many by name. No HTTP."""
