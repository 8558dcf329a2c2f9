"""The `objectmate` command, one module per group of commands."""
