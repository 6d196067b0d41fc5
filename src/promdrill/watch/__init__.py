"""A live view of a run, from what it writes: its journals and results.json.

`tail` reads what was appended, `drill` and `run` know what it means, `rows`, `detail` and `view` show it in a terminal,
`plain` and `data` everywhere else. `loop` follows a run of another process, `live` shows the run of this one.
"""
