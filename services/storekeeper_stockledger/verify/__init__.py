"""Checks all that a ledger has stored against its own journal, and the journal against its seals.

It reads one snapshot, a row at a time, and needs no right but to read. See `checks.py` for what is checked.
"""
