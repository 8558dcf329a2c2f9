"""The exact join measured: beside its peers, against the machine's peak, and planned ahead."""
