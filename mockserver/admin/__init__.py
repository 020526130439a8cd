"""The control routes under /__admin, and the page's files."""
