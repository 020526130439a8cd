"""A past request, as something to use again: a curl line, a pytest test, a fixture."""
