"""Alert rules: read, made faster for a drill, and kept apart from those of another drill."""
