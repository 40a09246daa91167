-- What an operator asks of the books: whom a cargo or an island touched, and whether everything adds up.

-- name: touched
-- Jobs with an attempt in [since_ms, until_ms) on the island, or of the artifact, in the order of their submission.
SELECT j.job_id, j.account_id, j.cargo_slug, j.cargo_version, j.artifact_digest, j.state, j.submitted_at_ms,
    j.output->>'digest' AS output_digest, (j.output->>'output_bytes')::bigint AS output_bytes,
    (j.output->>'last')::bigint AS output_last, coalesce(j.charged_micro, 0) AS charged_micro,
    (SELECT coalesce(sum(e.amount_micro), 0)::bigint FROM entries e
        WHERE e.job_id = j.job_id AND e.kind = 'refunded' AND e.account_id IS NOT NULL) AS refunded_micro,
    (SELECT s.position || '.' || s.index FROM entries s
        WHERE s.job_id = j.job_id AND s.kind = 'settled' AND s.leg = 0) AS settlement,
    (SELECT array_agg(DISTINCT a.island_id ORDER BY a.island_id) FROM attempts a WHERE a.job_id = j.job_id) AS islands,
    j.created_position
FROM jobs j
WHERE j.created_position > %(after)s
    AND (%(artifact_digest)s::text IS NULL OR j.artifact_digest = %(artifact_digest)s)
    AND EXISTS (
        SELECT FROM attempts a
        WHERE a.job_id = j.job_id AND a.assigned_at_ms >= %(since_ms)s AND a.assigned_at_ms < %(until_ms)s
            AND (%(island_id)s::text IS NULL OR a.island_id = %(island_id)s)
    )
ORDER BY j.created_position LIMIT %(limit)s;

-- name: chain
-- How many entries there are, and the digest that stands for all of them.
SELECT entries, encode(digest, 'hex') AS digest, position FROM chain;

-- name: holds_of_ended_jobs
-- Ended jobs for which something is still held, longer than settling takes: none.
SELECT e.job_id, sum(e.amount_micro)::bigint AS held_micro
FROM entries e JOIN jobs j ON j.job_id = e.job_id
WHERE e.account LIKE 'held:%%' AND j.ended_at_ms < %(before_ms)s
GROUP BY e.job_id HAVING sum(e.amount_micro) <> 0 ORDER BY e.job_id LIMIT %(limit)s;

-- name: uncleared_jobs
-- Jobs whose charge left one account and has not arrived at the others, longer than settling takes: none.
SELECT job_id, sum(amount_micro)::bigint AS waiting_micro
FROM entries WHERE account = 'clearing'
GROUP BY job_id HAVING sum(amount_micro) <> 0 AND max(posted_at_ms) < %(before_ms)s ORDER BY job_id LIMIT %(limit)s;

-- name: clearing
-- What is on its way between accounts now, and when anything moved there last.
SELECT b.amount_micro, coalesce(max(e.posted_at_ms), 0)::bigint AS moved_at_ms
FROM balances b LEFT JOIN entries e ON e.position = b.position
WHERE b.account = 'clearing' GROUP BY b.amount_micro;
