"""Models of the hub: locked to a commit and to their files' hashes, fetched into a folder, verified offline."""
