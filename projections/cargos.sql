-- The `cargos` read model: the catalogue of what can be run.

-- name: migration 1
-- `cargos` has the latest version of each slug, `cargo_versions` all of them.
CREATE TABLE cargos (
    slug text PRIMARY KEY,
    cargo json NOT NULL,
    trust_level bigint NOT NULL,
    is_first_party boolean NOT NULL,
    is_disabled boolean NOT NULL,
    is_killed boolean NOT NULL,
    disabled_reason text,
    standing json NOT NULL,
    awaits_review_since_ms bigint,
    published_at_ms bigint NOT NULL,
    created_position bigint NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX cargos_newest ON cargos (created_position DESC);
CREATE INDEX cargos_awaiting_review ON cargos (awaits_review_since_ms) WHERE awaits_review_since_ms IS NOT NULL;

CREATE TABLE cargo_versions (
    slug text NOT NULL,
    version text NOT NULL,
    cargo json NOT NULL,
    published_at_ms bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (slug, version)
);

-- What happened to a cargo's trust, one row an event.
CREATE TABLE cargo_changes (
    slug text NOT NULL,
    position bigint NOT NULL,
    index bigint NOT NULL,
    what text NOT NULL,
    evidence json NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (slug, position, index)
);
