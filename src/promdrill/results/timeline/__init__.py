"""What happened in a drill, from its events.

`read` reads a journal, `drill` reduces its events to a `Timeline`, `lines` says an event in one line.
"""
