-- The `placement` read model: every island as the placement sees it, and what its owner wants to know beyond that.

-- name: migration 1
-- One row an island. Times are Unix milliseconds; an ask is in micro-credits.
CREATE TABLE islands (
    island_id text PRIMARY KEY,
    owner_id text NOT NULL,
    name text NOT NULL,
    is_approved boolean NOT NULL,
    is_online boolean NOT NULL,
    is_draining boolean NOT NULL,
    is_suspended boolean NOT NULL,
    cooldown_until_ms bigint NOT NULL,
    platform text NOT NULL,
    region text,
    cpu_cores bigint NOT NULL,
    ram_mb bigint NOT NULL,
    disk_free_mb bigint NOT NULL,
    gpu_vram_mb bigint NOT NULL,
    slots bigint NOT NULL,
    active_jobs json NOT NULL,
    trust_level_min bigint NOT NULL,
    karma bigint NOT NULL,
    scores json NOT NULL,
    asks_micro json NOT NULL,
    warm_slugs json NOT NULL,
    recent_failures_ms json NOT NULL,
    recent_cargos_ms json NOT NULL,
    gpu_bandwidth_mb_s bigint NOT NULL,
    formats json NOT NULL,
    valid_in_row json NOT NULL,
    agent_version text NOT NULL,
    protocol bigint NOT NULL,
    gpu_model text,
    jobs_completed bigint NOT NULL,
    jobs_failed bigint NOT NULL,
    pending_minutes bigint NOT NULL,
    worked_ms bigint NOT NULL,
    enrolled_at_ms bigint NOT NULL,
    online_at_ms bigint,
    created_position bigint NOT NULL,
    position bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX islands_of_owner ON islands (owner_id, created_position DESC);

-- name: migration 2
-- Islands with only a password, and islands that were barred or have left. Until now there were none.
ALTER TABLE islands
    ADD COLUMN is_unsigned boolean NOT NULL DEFAULT false,
    ADD COLUMN is_revoked boolean NOT NULL DEFAULT false,
    ADD COLUMN is_removed boolean NOT NULL DEFAULT false;

-- name: migration 3
-- The cargos its owner takes, what an operator decided about it, and what its owner ordered.
ALTER TABLE islands
    ADD COLUMN categories json NOT NULL DEFAULT '{"allowed":[],"refused":[]}',
    ADD COLUMN local_id text,
    ADD COLUMN is_rejected boolean NOT NULL DEFAULT false,
    ADD COLUMN is_drain_ordered boolean NOT NULL DEFAULT false,
    ADD COLUMN bar_reason text NOT NULL DEFAULT '',
    ADD COLUMN barred_at_ms bigint,
    ADD COLUMN verified_at_ms bigint,
    ADD COLUMN verification_notes text NOT NULL DEFAULT '';
CREATE INDEX islands_by_local_id ON islands (local_id) WHERE local_id IS NOT NULL;
