-- What the API and the CLI ask for. Tables are found through the search path of the reading pool.

-- name: job
-- One job.
SELECT * FROM jobs WHERE job_id = %(job_id)s;

-- name: jobs
-- A page of an account's jobs, newest first; all states where `states` is null.
SELECT * FROM jobs
WHERE account_id = %(account_id)s AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s::text[]))
ORDER BY created_position DESC LIMIT %(limit)s OFFSET %(offset)s;

-- name: jobs_total
-- How many jobs the pages hold.
SELECT count(*) FROM jobs
WHERE account_id = %(account_id)s AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s::text[]));

-- name: jobs_changed
-- An account's jobs that changed behind a position, in the order of their last change.
SELECT * FROM jobs WHERE account_id = %(account_id)s AND position > %(after)s
ORDER BY position, job_id LIMIT %(limit)s;

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

-- name: cargos_changed
-- Cargos that changed behind a position.
SELECT * FROM cargos WHERE position > %(after)s ORDER BY position, slug LIMIT %(limit)s;

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
