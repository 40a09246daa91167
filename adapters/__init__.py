"""Where the outside is touched: codec, clock, NATS, runtimes and the embedded servers."""
