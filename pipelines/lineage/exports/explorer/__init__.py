"""The auditor's explorer: a folder that any browser opens without a server, for tracing rows both ways."""
