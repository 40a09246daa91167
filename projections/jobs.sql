-- The `jobs` read model: where each job stands, and every attempt at running it.

-- name: migration 1
-- One row a job, one row an attempt. Times are Unix milliseconds, money is micro-credits.
CREATE TABLE jobs (
    job_id text PRIMARY KEY,
    account_id text NOT NULL,
    cargo_slug text NOT NULL,
    cargo_version text NOT NULL,
    runtime text NOT NULL,
    input_json text NOT NULL,
    bid_micro bigint NOT NULL,
    priority bigint NOT NULL,
    region text,
    state text NOT NULL,
    attempt bigint NOT NULL,
    island_id text,
    price_micro bigint,
    charged_micro bigint,
    output_after bigint NOT NULL,
    refusals json NOT NULL,
    error_code text,
    error_detail text,
    output json,
    usage json,
    submitted_at_ms bigint NOT NULL,
    started_at_ms bigint,
    ended_at_ms bigint,
    created_position bigint NOT NULL,
    position bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX jobs_newest ON jobs (account_id, created_position DESC);
CREATE INDEX jobs_changed ON jobs (account_id, position);

CREATE TABLE attempts (
    job_id text NOT NULL,
    attempt bigint NOT NULL,
    island_id text NOT NULL,
    owner_id text NOT NULL,
    price_micro bigint NOT NULL,
    assigned_at_ms bigint NOT NULL,
    started_at_ms bigint,
    ended_at_ms bigint,
    lease_ends_at_ms bigint NOT NULL,
    ending text,
    code text,
    detail text,
    output_after bigint NOT NULL,
    explanation json NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (job_id, attempt)
) WITH (fillfactor = 70);

-- name: migration 2
-- Whether the island signed its success. Before islands had keys none did.
ALTER TABLE attempts ADD COLUMN grade text;
UPDATE attempts SET grade = 'unsigned' WHERE ending = 'succeeded';

-- name: migration 3
-- What a job pays by the unit, and who waits for a cargo. Until now every price was for a job.
ALTER TABLE jobs
    ADD COLUMN price_unit text NOT NULL DEFAULT 'job',
    ADD COLUMN unit_bid_micro bigint NOT NULL DEFAULT 0,
    ADD COLUMN bid_source text,
    ADD COLUMN units bigint;
CREATE INDEX jobs_waiting ON jobs (cargo_slug) WHERE state = 'submitted';

-- name: migration 4
-- Which bytes ran, for finding everybody whom an artifact or an island touched.
ALTER TABLE jobs ADD COLUMN artifact_digest text NOT NULL DEFAULT '';
CREATE INDEX jobs_of_artifact ON jobs (artifact_digest, created_position);
CREATE INDEX attempts_of_island ON attempts (island_id, assigned_at_ms);

-- name: migration 5
-- Batches, and the jobs that are their parts.
ALTER TABLE jobs
    ADD COLUMN batch_id text,
    ADD COLUMN batch_index bigint NOT NULL DEFAULT 0,
    ADD COLUMN batch json;
CREATE INDEX jobs_of_batch ON jobs (batch_id, batch_index) WHERE batch_id IS NOT NULL;

-- name: migration 6
-- Jobs that are run several times for a comparison, what that came to, and the further runs.
ALTER TABLE jobs
    ADD COLUMN check_id text,
    ADD COLUMN redundancy bigint NOT NULL DEFAULT 1,
    ADD COLUMN verdict json;
