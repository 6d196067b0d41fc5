"""The benchmarks that are not ``promdrill bench``, which times runs of drills.

``python -m bench --all`` measures everything: `bench.whole` has the steps. ``--quick`` needs no cluster: it times
promdrill's own programs and functions on inputs that `bench.synthetic` makes. `bench.drills` makes a page of what runs
show, `bench.bare` compares a drill with the same as a plain script, and `bench.cores` says what the cores do.
"""
