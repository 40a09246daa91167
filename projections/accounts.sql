-- The `accounts` read model: who there is, what they own, and the keys that act for them.

-- name: migration 1
-- Amounts are micro-credits; `held` is reserved for open jobs, `escrow` waits for an island's karma.
CREATE TABLE accounts (
    account_id text PRIMARY KEY,
    name text NOT NULL,
    opened_at_ms bigint NOT NULL,
    free_micro bigint NOT NULL,
    held_micro bigint NOT NULL,
    escrow_micro bigint NOT NULL,
    is_low boolean NOT NULL,
    created_position bigint NOT NULL,
    position bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE api_keys (
    key_id text PRIMARY KEY,
    account_id text NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    secret_sha256 text NOT NULL,
    scopes json NOT NULL,
    issued_at_ms bigint NOT NULL,
    revoked_at_ms bigint,
    created_position bigint NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX api_keys_of_account ON api_keys (account_id, created_position DESC);
CREATE UNIQUE INDEX api_keys_in_force ON api_keys (secret_sha256) WHERE revoked_at_ms IS NULL;
