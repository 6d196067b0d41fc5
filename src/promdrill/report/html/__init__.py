"""The page of one or more runs: one HTML file that works offline, made from results and journals.

`load` reads the folders: results, and a `results.timeline.drill.Timeline` of each journal. `lanes` and `charts` draw
the timeline through `draw`, `runbook` puts each step's output into the runbook, `overview` makes the tables at the top,
`detail` collects what a drill's template shows; `page` puts everything into the templates.
"""
