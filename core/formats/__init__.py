"""What core reads and writes: witness inputs, transactions, commitments, and who core is to a prover."""
