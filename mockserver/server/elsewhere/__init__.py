"""What answers requests that are not of the task API, nor of /__admin."""
