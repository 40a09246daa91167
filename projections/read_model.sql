-- What the API and the CLI ask for. Tables are found through the search path of the reading pool.

-- name: job
-- One job.
SELECT * FROM jobs WHERE job_id = %(job_id)s;

-- name: jobs
-- A page of an account's jobs, newest first; all states where `states` is null.
SELECT * FROM jobs
WHERE account_id = %(account_id)s AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s::text[]))
    AND (%(with_parts)s OR batch_id IS NULL) AND (%(with_runs)s OR check_id IS NULL)
ORDER BY created_position DESC LIMIT %(limit)s OFFSET %(offset)s;

-- name: jobs_total
-- How many jobs the pages hold.
SELECT count(*) FROM jobs
WHERE account_id = %(account_id)s AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s::text[]))
    AND (%(with_parts)s OR batch_id IS NULL) AND (%(with_runs)s OR check_id IS NULL);

-- name: parts
-- The jobs that parts of a batch have become, in the order of its inputs.
SELECT * FROM jobs WHERE batch_id = %(batch_id)s ORDER BY batch_index;

-- name: jobs_changed
-- An account's jobs that changed behind a position, in the order of their last change.
SELECT * FROM jobs WHERE account_id = %(account_id)s AND position > %(after)s AND batch_id IS NULL
    AND check_id IS NULL
ORDER BY position, job_id LIMIT %(limit)s;

-- name: batch_changed
-- A batch and its parts that changed behind a position, in the order of their last change.
SELECT * FROM jobs WHERE (job_id = %(batch_id)s OR batch_id = %(batch_id)s) AND position > %(after)s
ORDER BY position, job_id LIMIT %(limit)s OFFSET %(offset)s;

-- name: attempts
-- The attempts of a job, the first first.
SELECT * FROM attempts WHERE job_id = %(job_id)s ORDER BY attempt;

-- name: cargos
-- A page of the catalogue, newest first.
SELECT * FROM cargos ORDER BY created_position DESC LIMIT %(limit)s OFFSET %(offset)s;

-- name: cargos_total
-- How many cargos there are.
SELECT count(*) FROM cargos;

-- name: cargo
-- One cargo in its latest version.
SELECT * FROM cargos WHERE slug = %(slug)s;

-- name: cargo_of_number
-- One cargo by its public number.
SELECT * FROM cargos WHERE created_position = %(number)s;

-- name: cargos_changed
-- Cargos that changed behind a position.
SELECT * FROM cargos WHERE position > %(after)s ORDER BY position, slug LIMIT %(limit)s;

-- name: cargos_awaiting_review
-- Cargos that staff have to look at, the longest waiting first.
SELECT * FROM cargos WHERE awaits_review_since_ms IS NOT NULL
ORDER BY awaits_review_since_ms, slug LIMIT %(limit)s;

-- name: cargo_changes
-- The newest changes of a cargo's trust.
SELECT * FROM cargo_changes WHERE slug = %(slug)s ORDER BY position DESC, index DESC LIMIT %(limit)s;

-- name: job_that_ran
-- An account's newest job in which a cargo really ran.
SELECT job_id FROM jobs WHERE account_id = %(account_id)s AND cargo_slug = %(slug)s AND started_at_ms IS NOT NULL
ORDER BY created_position DESC LIMIT 1;

-- name: islands
-- A page of an account's islands, newest first, without those it removed.
SELECT * FROM islands WHERE owner_id = %(owner_id)s AND NOT is_removed
ORDER BY created_position DESC LIMIT %(limit)s OFFSET %(offset)s;

-- name: islands_total
-- How many islands an account has.
SELECT count(*) FROM islands WHERE owner_id = %(owner_id)s AND NOT is_removed;

-- name: islands_changed
-- An account's islands that changed behind a position, also those it removed.
SELECT * FROM islands WHERE owner_id = %(owner_id)s AND position > %(after)s
ORDER BY position, island_id LIMIT %(limit)s;

-- name: island
-- One island.
SELECT * FROM islands WHERE island_id = %(island_id)s;

-- name: fleet
-- Every island that belongs, for a picture of the whole fleet.
SELECT * FROM islands WHERE NOT is_removed ORDER BY island_id;

-- name: network
-- Public numbers of the network.
SELECT
    count(*) FILTER (WHERE is_online) AS online_islands,
    coalesce(array_agg(DISTINCT region ORDER BY region) FILTER (WHERE is_online AND region IS NOT NULL), '{}')
        AS regions,
    coalesce(sum(jobs_completed), 0)::bigint AS jobs_completed
FROM islands;

-- name: account
-- One account.
SELECT * FROM accounts WHERE account_id = %(account_id)s;

-- name: api_key_by_hash
-- The key in force with this secret.
SELECT * FROM api_keys WHERE secret_sha256 = %(sha256)s AND revoked_at_ms IS NULL;

-- name: api_keys
-- The keys in force of an account, newest first.
SELECT * FROM api_keys WHERE account_id = %(account_id)s AND revoked_at_ms IS NULL
ORDER BY created_position DESC;

-- name: entries
-- The entries on an account's own ledger accounts behind a position, oldest first. A commit is never cut in two.
SELECT * FROM (
    SELECT * FROM entries WHERE account_id = %(account_id)s AND position > %(after)s
    ORDER BY position FETCH FIRST (%(limit)s) ROWS WITH TIES
) AS page ORDER BY position, index, leg;

-- name: entries_of_job
-- Everything that was booked for a job.
SELECT * FROM entries WHERE job_id = %(job_id)s ORDER BY position, index, leg;

-- name: ledger_sum
-- The sum of all entries, which is 0 in books that balance.
SELECT coalesce(sum(amount_micro), 0)::bigint FROM entries;

-- name: balances
-- The balance of every ledger account.
SELECT account, amount_micro FROM balances ORDER BY account;

-- name: unexplained_balances
-- Balances that are not the sum of their entries: none, unless somebody wrote around the ledger.
SELECT account, coalesce(b.amount_micro, 0) - coalesce(e.amount_micro, 0) AS difference_micro
FROM balances b
FULL JOIN (SELECT account, sum(amount_micro)::bigint AS amount_micro FROM entries GROUP BY account) e USING (account)
WHERE coalesce(b.amount_micro, 0) <> coalesce(e.amount_micro, 0) ORDER BY account;

-- name: positions
-- How far each live projection has come.
SELECT name, position FROM projections.position WHERE schema = ANY (%(schemas)s);

-- name: market
-- The newest cargos that can be run, each with the last window in which it was traded and how much it was of late.
SELECT c.slug, c.created_position, c.cargo ->> 'name' AS name, c.cargo -> 'spec' ->> 'runtime' AS runtime,
    traded.median_micro AS rate_micro, traded.avg_micro, traded.min_micro, traded.max_micro,
    traded.window_ends_ms, of_late.jobs_cleared
FROM (SELECT * FROM cargos WHERE NOT is_disabled ORDER BY created_position DESC LIMIT %(limit)s) AS c
LEFT JOIN LATERAL (
    SELECT * FROM rates WHERE slug = c.slug AND jobs_cleared > 0 AND window_ends_ms > %(since)s
    ORDER BY window_ends_ms DESC LIMIT 1
) AS traded ON true
CROSS JOIN LATERAL (
    SELECT coalesce(sum(jobs_cleared), 0)::bigint AS jobs_cleared FROM rates
    WHERE slug = c.slug AND jobs_cleared > 0 AND window_ends_ms > %(since)s
) AS of_late
ORDER BY c.created_position DESC;

-- name: open_islands
-- How many islands take jobs, by the runtime they offer.
SELECT offered.runtime, count(*) FROM islands CROSS JOIN LATERAL json_object_keys(scores) AS offered (runtime)
WHERE is_online AND is_approved AND NOT (is_draining OR is_suspended OR is_removed)
GROUP BY offered.runtime;

-- name: waiting_jobs
-- How many jobs wait, by cargo. Second opinions are no trade.
SELECT cargo_slug, count(*) FROM jobs WHERE state = 'submitted' AND check_id IS NULL GROUP BY cargo_slug;

-- name: last_trade
-- The last window in which a cargo was traded.
SELECT * FROM rates WHERE slug = %(slug)s AND jobs_cleared > 0 AND window_ends_ms > %(since)s
ORDER BY window_ends_ms DESC LIMIT 1;

-- name: last_windows
-- The newest window of one cargo, or of each.
SELECT DISTINCT ON (slug) * FROM rates WHERE %(slug)s::text IS NULL OR slug = %(slug)s
ORDER BY slug, window_ends_ms DESC LIMIT %(limit)s OFFSET %(offset)s;

-- name: windows_behind
-- Windows of one cargo, or of all, behind a position.
SELECT * FROM rates WHERE position > %(after)s AND (%(slug)s::text IS NULL OR slug = %(slug)s)
ORDER BY position, slug LIMIT %(limit)s;

-- name: rate_history
-- A cargo's windows behind an instant, gathered into steps, the oldest first. Clearing prices weigh by their jobs.
SELECT (window_ends_ms + %(step)s - 1) / %(step)s * %(step)s AS ends_ms,
    sum(jobs_cleared)::bigint AS jobs_cleared,
    (sum(avg_micro * jobs_cleared) / nullif(sum(jobs_cleared), 0))::bigint AS avg_micro,
    min(min_micro) AS min_micro, max(max_micro) AS max_micro,
    max(open_asks) AS open_asks, avg(avg_ask_micro)::bigint AS avg_ask_micro,
    max(open_bids) AS open_bids, avg(avg_bid_micro)::bigint AS avg_bid_micro
FROM rates WHERE slug = %(slug)s AND window_ends_ms > %(since)s
GROUP BY ends_ms ORDER BY ends_ms;

-- name: asks_of_cargo
-- What islands that take jobs ask for a cargo, the cheapest first, and how many slots they have free at that price.
SELECT price_micro, count(*) AS count, sum(free_slots)::bigint AS free_slots FROM (
    SELECT coalesce(
        (asks_micro ->> %(slug)s)::bigint, (asks_micro ->> '_default')::bigint, %(price_micro)s
    ) AS price_micro, greatest(slots - json_array_length(active_jobs), 0) AS free_slots
    FROM islands
    WHERE is_online AND is_approved AND NOT (is_draining OR is_suspended OR is_removed)
        AND scores ->> %(runtime)s IS NOT NULL
) AS asks GROUP BY price_micro ORDER BY price_micro LIMIT %(limit)s;

-- name: bids_for_cargo
-- What the jobs that wait for a cargo bid for a unit of it, the highest first.
SELECT price_micro, count(*) AS count, 0::bigint AS free_slots FROM (
    SELECT CASE WHEN unit_bid_micro > 0 THEN least(unit_bid_micro, bid_micro) ELSE bid_micro END AS price_micro
    FROM jobs WHERE state = 'submitted' AND cargo_slug = %(slug)s AND check_id IS NULL
) AS bids GROUP BY price_micro ORDER BY price_micro DESC LIMIT %(limit)s;
