"""How the catalog's tables came to be, one file a change."""
