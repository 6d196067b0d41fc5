"""What happened in a drill, from its events.

`read` reads a journal, `drill` reduces its events to a `Timeline`, `lines` puts an event into one line.
"""
