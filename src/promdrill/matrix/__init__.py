"""The matrix: `matrix.toml` lists charts and versions, and each of its cells is one `promdrill run`.

`reading` parses the file, `cells` makes the cells, by the rules of GitHub Actions; `kept` manages the cells' folders;
`running` runs them, each in its own process (`child`), in a cluster that similar cells share (`ground`); `table` shows
the cells and how they ended.
"""
