"""The API server: one small client, streams that can be ended, commands in containers."""
