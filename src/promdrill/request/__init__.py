"""What a run is asked for: options, settings, scenarios, and what they need of their chart."""
