-- What jobs wait for. Tables are found through the search path of the reading pool.

-- name: demands
-- Cargos by the jobs that wait for them. Second opinions are no demand.
SELECT c.cargo, c.trust_level, waiting.queued, coalesce(warm.free_slots, 0)::bigint AS warm_free_slots,
    traded.median_micro AS rate_micro
FROM (
    SELECT cargo_slug, count(*) AS queued FROM jobs
    WHERE state = 'submitted' AND check_id IS NULL
    GROUP BY cargo_slug ORDER BY count(*) DESC, cargo_slug LIMIT %(limit)s
) AS waiting
JOIN cargos c ON c.slug = waiting.cargo_slug AND NOT c.is_disabled
LEFT JOIN LATERAL (
    SELECT sum(greatest(slots - json_array_length(active_jobs), 0)) AS free_slots FROM islands
    WHERE is_online AND is_approved AND NOT (is_draining OR is_suspended OR is_removed)
        -- As text: what an island says may hold what `jsonb` refuses, and a slug needs no escape.
        AND strpos(warm_slugs::text, '"' || waiting.cargo_slug || '"') > 0
) AS warm ON true
LEFT JOIN LATERAL (
    SELECT median_micro FROM rates WHERE slug = waiting.cargo_slug AND jobs_cleared > 0
        AND window_ends_ms > %(since)s
    ORDER BY window_ends_ms DESC LIMIT 1
) AS traded ON true
ORDER BY waiting.queued DESC, waiting.cargo_slug;

-- name: island
-- One island by its id or by its own name for itself.
SELECT * FROM islands WHERE island_id = %(host_id)s OR local_id = %(host_id)s LIMIT 1;
