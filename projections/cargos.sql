-- The `cargos` read model: the catalogue of what can be run.

-- name: migration 1
-- `cargos` has the latest version of each slug, `cargo_versions` all of them.
CREATE TABLE cargos (
    slug text PRIMARY KEY,
    cargo json NOT NULL,
    is_disabled boolean NOT NULL,
    disabled_reason text,
    published_at_ms bigint NOT NULL,
    created_position bigint NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX cargos_newest ON cargos (created_position DESC);

CREATE TABLE cargo_versions (
    slug text NOT NULL,
    version text NOT NULL,
    cargo json NOT NULL,
    published_at_ms bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (slug, version)
);
