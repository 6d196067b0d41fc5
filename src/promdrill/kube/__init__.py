"""The API server: a small client, streams that can be ended, and commands in containers."""
