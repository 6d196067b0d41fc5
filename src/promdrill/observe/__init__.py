"""Watch streams and logs make a picture; conditions judge it; `until` waits for them.

Reading order: `picture` (what is known), `probes` (what is asked), `conditions` (what is judged), `reflect`, `follow`
and `poll` (where knowledge comes from), `observer` (all of them together), `until` (waiting), `server` (the conditions
of a drilled Prometheus) and `valid_metrics` (the one definition of a working one).
"""
