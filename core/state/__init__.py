"""What the chain is: where it starts, and its accounts, batches and transactions as they are stored."""
