-- The `exchange` read model: what every cargo's market was like, window by window.

-- name: migration 1
-- One row a window and cargo. Prices are micro-credits for a unit of the cargo's price.
CREATE TABLE rates (
    slug text NOT NULL,
    window_ends_ms bigint NOT NULL,
    jobs_cleared bigint NOT NULL,
    avg_micro bigint,
    min_micro bigint,
    max_micro bigint,
    median_micro bigint,
    open_asks bigint NOT NULL,
    avg_ask_micro bigint,
    open_bids bigint NOT NULL,
    avg_bid_micro bigint,
    by_region json NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (slug, window_ends_ms)
);
CREATE INDEX rates_cleared ON rates (slug, window_ends_ms DESC) WHERE jobs_cleared > 0;
CREATE INDEX rates_changed ON rates (position);
