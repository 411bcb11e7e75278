"""Tables in Markdown."""


def table_row(*cells: str) -> str:
    """Return one row of a table, in which a bar or a line break in a cell means itself."""
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"
