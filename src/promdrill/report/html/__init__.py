"""The page of one or more runs: one HTML file that asks nothing of any network, made from results and journals.

`load` reads the folders, `journal` and `story` make of each journal what happened when, `sightings` what was seen of
pods, volume and samples; `lanes`, `charts` and `draw` turn that into SVG, `runbook` into the runbook with its output
beside it, `overview` into the tables at the top; `page` puts everything into the templates.
"""
