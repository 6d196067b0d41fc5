"""What a run has learnt: verdicts, results.json, junit.xml, the lines that close it."""
