"""Drills side by side: one pytest session makes the cluster, and each drill runs in a session of its own that joins it.

The parent's session collects and reports as any other; only its loop over the tests is another (`parent`). Each drill
goes through `pool` to a child process (`child`), whose session is told by a file what it joins (`joining`, `joined`)
and tells the parent how far it has come (`messages`).
With one job the session runs its drills itself, through the same fixtures that a child uses: there is nothing to share.
"""
