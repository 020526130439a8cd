"""In front of aiohttp: plain requests are answered where they arrive. Nothing here knows what a task is."""
