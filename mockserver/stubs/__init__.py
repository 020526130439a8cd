"""Answers for everything that is not the task API, as values: WireMock's stub mappings, and which one answers."""
