"""What is neither the task API nor a control route: stubs, forwarding, and who of them answers."""
