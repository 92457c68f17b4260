"""The rules of stock, in plain Python: values in, values out. No clock, no database, no wire format."""
