"""The container engine: the one that runs, or one that promdrill starts."""
