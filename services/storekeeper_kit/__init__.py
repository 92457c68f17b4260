"""What every server of Storekeeper needs, and no rule of stock.

A module joins it when two services need it and it has a real name.
"""
