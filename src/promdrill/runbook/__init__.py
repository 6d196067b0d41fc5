"""Runbooks: Markdown for a person at three in the morning, and at the same time the program that a drill runs."""
