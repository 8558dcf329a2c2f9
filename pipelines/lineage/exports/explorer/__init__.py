"""The auditor's explorer: a folder that any browser opens without a server, in which rows are followed both ways."""
