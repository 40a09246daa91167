-- The `people` read model: checked identities and bans, one row for each account that had either.

-- name: migration 1
-- Times are Unix milliseconds; a reason is sealed with the key of the person it is about.
CREATE TABLE people (
    account_id text PRIMARY KEY,
    is_pending boolean NOT NULL,
    verified_at_ms bigint,
    verified_country text NOT NULL,
    banned_at_ms bigint,
    ban_reason text NOT NULL,
    sessions json NOT NULL,
    position bigint NOT NULL
);
