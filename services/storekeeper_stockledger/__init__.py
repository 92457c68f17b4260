"""The stock ledger: keeps every quantity in the system, and alone changes them."""
