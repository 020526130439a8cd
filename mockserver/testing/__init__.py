"""What a test holds: MockServer, its handle, the marker, the report."""
