-- What an operator asks about the whole fleet. The words are those of `projections.placement.IslandStatus`.

-- name: islands
-- A page of islands, newest first.
SELECT * FROM islands WHERE NOT is_removed
    AND (%(is_verified)s::boolean IS NULL OR (verified_at_ms IS NOT NULL) = %(is_verified)s)
    AND (%(statuses)s::text[] IS NULL OR CASE
        WHEN is_revoked THEN 'revoked'
        WHEN is_suspended THEN 'suspended'
        WHEN is_rejected THEN 'rejected'
        WHEN NOT is_approved THEN 'pending'
        WHEN NOT is_online THEN 'offline'
        WHEN is_draining THEN 'draining'
        ELSE 'online'
    END = ANY (%(statuses)s::text[]))
ORDER BY created_position DESC LIMIT %(limit)s OFFSET %(offset)s;

-- name: islands_total
-- How many islands the pages hold.
SELECT count(*) FROM islands WHERE NOT is_removed
    AND (%(is_verified)s::boolean IS NULL OR (verified_at_ms IS NOT NULL) = %(is_verified)s)
    AND (%(statuses)s::text[] IS NULL OR CASE
        WHEN is_revoked THEN 'revoked'
        WHEN is_suspended THEN 'suspended'
        WHEN is_rejected THEN 'rejected'
        WHEN NOT is_approved THEN 'pending'
        WHEN NOT is_online THEN 'offline'
        WHEN is_draining THEN 'draining'
        ELSE 'online'
    END = ANY (%(statuses)s::text[]));
