"""The benchmarks that need no cluster: ``python -m bench --quick``.

They time promdrill's own programs and functions on inputs that `bench.synthetic` makes. What needs a cluster is timed
by ``promdrill bench``.
"""
