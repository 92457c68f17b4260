"""The gateway: lets programs that were written for other inventory systems use Storekeeper unchanged."""
