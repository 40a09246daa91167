"""Who may say what on NATS: one account per island, minted here and pushed while the server runs."""
