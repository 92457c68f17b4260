"""Autotask: its REST API, version 1.0."""
