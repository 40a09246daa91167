-- The `marketplace` read model: what customers say of cargos, and what publishers submit.

-- name: migration 1
-- `reviews` has every review there ever was, `ratings` the sums of those that stand.
CREATE TABLE reviews (
    slug text NOT NULL,
    account_id text NOT NULL,
    rating bigint NOT NULL,
    title text NOT NULL,
    comment text NOT NULL,
    is_verified boolean NOT NULL,
    is_shown boolean NOT NULL,
    helpful bigint NOT NULL,
    not_helpful bigint NOT NULL,
    flags bigint NOT NULL,
    flagger_id text,
    flag_reason text,
    written_at_ms bigint NOT NULL,
    changed_at_ms bigint NOT NULL,
    created_position bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (slug, account_id)
);
CREATE UNIQUE INDEX reviews_number ON reviews (created_position);
CREATE INDEX reviews_newest ON reviews (slug, created_position DESC) WHERE is_shown;
CREATE INDEX reviews_flagged ON reviews (flags DESC, created_position) WHERE is_shown AND flags > 0;

CREATE TABLE ratings (
    slug text PRIMARY KEY,
    reviews bigint NOT NULL,
    stars bigint NOT NULL,
    position bigint NOT NULL
);

-- name: migration 2
-- `submissions` has every cargo that a publisher ever asked to have on the marketplace.
CREATE TABLE submissions (
    submission_id text PRIMARY KEY,
    account_id text NOT NULL,
    status text NOT NULL,
    handed_in_at_ms bigint,
    submission json NOT NULL,
    created_position bigint NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX submissions_newest ON submissions (created_position DESC);
CREATE INDEX submissions_of_account ON submissions (account_id, created_position DESC);
CREATE INDEX submissions_pending ON submissions (handed_in_at_ms) WHERE status = 'pending';
