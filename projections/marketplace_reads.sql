-- What the marketplace's routes ask for. Tables are found through the search path of the reading pool.

-- name: listed
-- A page of the cargos that can be run, newest first; `words` must all occur in what the publisher says of it.
SELECT * FROM cargos
WHERE NOT is_disabled
    AND (%(category)s::text IS NULL OR coalesce(nullif(cargo -> 'spec' ->> 'category', ''), 'other') = %(category)s)
    AND NOT EXISTS (
        SELECT 1 FROM unnest(%(words)s::text[]) AS wanted (word)
        WHERE position(word IN lower(concat_ws(' ', slug, cargo ->> 'name', cargo ->> 'description',
            cargo -> 'listing' ->> 'tagline', cargo -> 'listing' ->> 'tags'))) = 0
    )
ORDER BY created_position DESC LIMIT %(limit)s OFFSET %(offset)s;

-- name: listed_total
-- How many cargos the pages hold.
SELECT count(*) FROM cargos
WHERE NOT is_disabled
    AND (%(category)s::text IS NULL OR coalesce(nullif(cargo -> 'spec' ->> 'category', ''), 'other') = %(category)s)
    AND NOT EXISTS (
        SELECT 1 FROM unnest(%(words)s::text[]) AS wanted (word)
        WHERE position(word IN lower(concat_ws(' ', slug, cargo ->> 'name', cargo ->> 'description',
            cargo -> 'listing' ->> 'tagline', cargo -> 'listing' ->> 'tags'))) = 0
    );

-- name: categories
-- The categories of the cargos that can be run, and how many each has.
SELECT coalesce(nullif(cargo -> 'spec' ->> 'category', ''), 'other') AS category, count(*)
FROM cargos WHERE NOT is_disabled GROUP BY 1 ORDER BY 1 LIMIT %(limit)s;

-- name: ratings
-- The ratings of some cargos.
SELECT * FROM ratings WHERE slug = ANY (%(slugs)s);

-- name: reviews
-- A page of a cargo's reviews, newest first.
SELECT * FROM reviews WHERE slug = %(slug)s AND is_shown
ORDER BY created_position DESC LIMIT %(limit)s OFFSET %(offset)s;

-- name: reviews_total
-- How many reviews the pages hold.
SELECT count(*) FROM reviews WHERE slug = %(slug)s AND is_shown;

-- name: flagged
-- A page of the reviews that were flagged and still stand, those with most flags first.
SELECT * FROM reviews WHERE is_shown AND flags > 0
ORDER BY flags DESC, created_position LIMIT %(limit)s OFFSET %(offset)s;

-- name: flagged_total
-- How many reviews the pages hold.
SELECT count(*) FROM reviews WHERE is_shown AND flags > 0;

-- name: review
-- The review of a number, shown or not.
SELECT * FROM reviews WHERE created_position = %(number)s;

-- name: job_of_customer
-- An account's newest job in which a cargo really ran, before all others one that succeeded.
SELECT job_id, state = 'succeeded' AS has_succeeded FROM jobs
WHERE account_id = %(account_id)s AND cargo_slug = %(slug)s AND started_at_ms IS NOT NULL
ORDER BY has_succeeded DESC, created_position DESC LIMIT 1;

-- name: submissions
-- A page of the submissions, of one account or of all, in one status or in any, newest first.
SELECT * FROM submissions
WHERE (%(account_id)s::text IS NULL OR account_id = %(account_id)s)
    AND (%(status)s::text IS NULL OR status = %(status)s)
ORDER BY created_position DESC LIMIT %(limit)s OFFSET %(offset)s;

-- name: submissions_total
-- How many submissions the pages hold.
SELECT count(*) FROM submissions
WHERE (%(account_id)s::text IS NULL OR account_id = %(account_id)s)
    AND (%(status)s::text IS NULL OR status = %(status)s);

-- name: submissions_pending
-- A page of the submissions that wait for staff, the longest waiting first.
SELECT * FROM submissions WHERE status = 'pending'
ORDER BY handed_in_at_ms, submission_id LIMIT %(limit)s OFFSET %(offset)s;

-- name: submissions_pending_total
-- How many submissions the pages hold.
SELECT count(*) FROM submissions WHERE status = 'pending';

-- name: submissions_open
-- The submissions of an account that may still become a cargo.
SELECT * FROM submissions WHERE account_id = %(account_id)s AND status = ANY (%(open)s)
ORDER BY created_position LIMIT %(limit)s;
