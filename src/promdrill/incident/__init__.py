"""A standing incident: its record, the judging of its repair, and how it is shown."""
