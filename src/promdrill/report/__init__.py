"""What a run leaves behind: a folder with results.json, junit.xml and the journals, and its closing lines."""
