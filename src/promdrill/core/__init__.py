"""The foundation: errors, clock, paths, the model, events and the journal, the one gateway for subprocesses."""
