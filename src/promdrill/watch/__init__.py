"""A live view of a run, from its files: the journals and results.json.

`run` follows the files and makes a `promdrill.results.timeline.drill.Timeline` of each. `rows`, `detail` and `view`
show them in a terminal, `plain` and `data` everywhere else. `loop` follows the run of another process, `live` that of
this one.
"""
