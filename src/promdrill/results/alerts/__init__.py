"""What is made of the alerts of a drill and of a run.

`coverage` says which alert told of which incident and when, and what each is needed for, `show` shows it,
`expectations` reads alerts.toml, `judge` says what became of it, `propose` writes a first one.
"""
