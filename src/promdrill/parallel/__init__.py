"""Parallel drills: one pytest session makes the cluster, and each drill runs in its own session that joins it.

The parent's session collects and reports like any other; only its loop over the tests is different (`parent`). Each
drill goes through `pool` to a child process (`child`), whose session reads from a file what it joins (`joining`,
`joined`) and tells the parent how far it has come (`messages`). With one worker the session runs its drills itself,
through the same fixtures that a child uses.
"""
