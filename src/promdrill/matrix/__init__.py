"""The matrix: `matrix.toml` names charts and versions, and every cell of it is one `promdrill run`.

`reading` takes the file apart, `cells` makes cells of it, as GitHub Actions does; `kept` knows the cells' folders,
`running` runs them, each as a process of its own (`child`) in a cluster shared with its like (`ground`); `table` shows
what there is and what came of it.
"""
