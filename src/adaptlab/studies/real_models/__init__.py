"""The claims of the ledger, measured on genuine language models."""
