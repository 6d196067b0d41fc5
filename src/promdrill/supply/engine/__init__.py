"""The container engine: a running one, or one that promdrill starts."""
