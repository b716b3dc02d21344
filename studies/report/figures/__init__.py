"""The figures of a report, a file a kind; each is a plotly figure, a table behind it, and a picture for a paper."""
