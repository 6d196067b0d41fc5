"""For a scenario's author: what there is to write with, and whether what was written is sound."""
