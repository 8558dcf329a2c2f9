"""How long questions about lineage take on large tables, compared with DuckDB on the same files."""
