"""How long questions about lineage take on large tables, beside DuckDB on the same files."""
