"""The `objectmate` command, one module a group of commands."""
