"""Whether a value fits its schema, proven as it is written; and why it does not."""
