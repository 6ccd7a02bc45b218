"""The periodic actor: sweeps leases, announces again, collects and archives, exports the numbers of the database."""
