"""The figures of the page, drawn with Plotly and Matplotlib."""
