"""One folder for each vendor whose API the gateway speaks."""
