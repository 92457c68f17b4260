"""The catalog: keeps what an item is, and registers those that can be stocked with the stock ledger."""
