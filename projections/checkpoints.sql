-- The `checkpoints` read model: every signed checkpoint of the log.

-- name: migration 1
-- One row for each; the newest has the largest tree.
CREATE TABLE checkpoints (
    tree_size bigint PRIMARY KEY,
    root text NOT NULL,
    chain_head text NOT NULL,
    ledger_position bigint NOT NULL,
    ledger_digest text NOT NULL,
    signed_at_ms bigint NOT NULL,
    key_id text NOT NULL,
    signature text NOT NULL,
    position bigint NOT NULL
);
