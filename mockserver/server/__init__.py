"""A request of the task API, from its arrival to its answer."""
