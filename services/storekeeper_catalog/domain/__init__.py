"""What an item is: values and rules that import nothing but the standard library."""
