"""Images that are built, compared and scanned by hand."""
