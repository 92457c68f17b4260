"""Tables and statements. Knows the rules' values, and nothing of the wire."""
