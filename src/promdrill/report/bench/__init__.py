"""Where the seconds of runs go."""
