"""Runbooks as others publish them: no front matter, any headings, prompts, placeholders, other tools.

`document` reads the Markdown, `roles` tells what its headings are for, `prompts` finds the commands, `places` their
placeholders, `translate` makes them what a drill runs or says why not, and `assess` puts it together. `beside` is the
small file that says what the text cannot.
"""
