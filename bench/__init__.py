"""The benchmarks that are not ``promdrill bench``, which times runs of drills.

``python -m bench --quick`` needs no cluster: it times promdrill's own programs and functions on inputs that
`bench.synthetic` makes. `bench.drills` makes a page of what runs show, and `bench.bare` compares a drill with the same
as a plain script.
"""
