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

-- name: migration 2
-- Keys that end by themselves or have a limit of their own, sessions, and the addresses that people sign in by.
ALTER TABLE api_keys ADD COLUMN expires_at_ms bigint, ADD COLUMN requests_per_minute bigint;

CREATE TABLE sessions (
    session_id text PRIMARY KEY,
    account_id text NOT NULL,
    name text NOT NULL,
    secret_sha256 text NOT NULL,
    scopes json NOT NULL,
    opened_at_ms bigint NOT NULL,
    expires_at_ms bigint NOT NULL,
    ended_at_ms bigint,
    created_position bigint NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX sessions_of_account ON sessions (account_id, created_position DESC) WHERE ended_at_ms IS NULL;
CREATE UNIQUE INDEX sessions_open ON sessions (secret_sha256) WHERE ended_at_ms IS NULL;

CREATE TABLE emails (
    email_index text,
    account_id text,
    email text NOT NULL,
    confirmed_at_ms bigint,
    position bigint NOT NULL,
    PRIMARY KEY (email_index, account_id)
);
CREATE INDEX emails_of_account ON emails (account_id) WHERE confirmed_at_ms IS NOT NULL;
