"""Tasks and subtasks, and everything that changes one. No I/O, no clock, no dice, no JSON and no HTTP code."""
