"""The fabric on NATS JetStream: event log, subjects, mailboxes and streams."""
