"""For a scenario's author: a reference of what a scenario can use, and checks of what was written."""
