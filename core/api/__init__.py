"""What wallets and explorers call: Ethereum's JSON-RPC over HTTP and WebSocket."""
