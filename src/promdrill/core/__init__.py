"""What everything else stands on: errors, clock, paths, the model, the journal, the one gateway for subprocesses."""
