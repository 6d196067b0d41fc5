"""What is fetched, built and kept: the cache, pins, downloads, image references, and facts about this machine."""
