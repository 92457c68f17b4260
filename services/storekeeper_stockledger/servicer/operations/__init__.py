"""Reads each request that changes stock into the operation that it asks for, one file for each kind of change."""
