"""The results of a run: verdicts, results.json, junit.xml, timelines, the closing lines."""
