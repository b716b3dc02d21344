"""The HTML page, tables and exports of a study."""
