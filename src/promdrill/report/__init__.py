"""Reports of one run or many: the page, Markdown, comparisons, merged cells, and where the time goes."""
