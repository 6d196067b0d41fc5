"""Runbooks: Markdown for a person at three in the morning, and at the same time the program that a drill runs.

`parse` reads a file into steps, `lint` asks bash whether each step is complete, `run` runs them in one shell.
"""
