"""What each operation does, one file for each kind: it is decided on a draft, or refused."""
