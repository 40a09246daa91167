-- What operators and the API's door ask about people. Tables are found through the search path of the reading pool.

-- name: person
-- One person.
SELECT * FROM people WHERE account_id = %(account_id)s;

-- name: people
-- A page of accounts by how far they are checked, newest first.
SELECT a.account_id FROM accounts a LEFT JOIN people p USING (account_id)
WHERE (%(search)s = '' OR strpos(a.account_id, %(search)s) > 0) AND CASE %(status)s::text
    WHEN 'unverified' THEN p.verified_at_ms IS NULL AND NOT coalesce(p.is_pending, false)
    WHEN 'pending' THEN coalesce(p.is_pending, false)
    WHEN 'verified' THEN p.verified_at_ms IS NOT NULL
    WHEN 'banned' THEN p.banned_at_ms IS NOT NULL
    ELSE true
END
ORDER BY a.created_position DESC LIMIT %(limit)s OFFSET %(offset)s;

-- name: people_total
-- How many accounts the pages hold.
SELECT count(*) AS total FROM accounts a LEFT JOIN people p USING (account_id)
WHERE (%(search)s = '' OR strpos(a.account_id, %(search)s) > 0) AND CASE %(status)s::text
    WHEN 'unverified' THEN p.verified_at_ms IS NULL AND NOT coalesce(p.is_pending, false)
    WHEN 'pending' THEN coalesce(p.is_pending, false)
    WHEN 'verified' THEN p.verified_at_ms IS NOT NULL
    WHEN 'banned' THEN p.banned_at_ms IS NOT NULL
    ELSE true
END;

-- name: count
-- All accounts, counted by how far they are checked.
SELECT count(*) AS total,
    count(*) FILTER (WHERE p.verified_at_ms IS NULL AND NOT coalesce(p.is_pending, false)) AS unverified,
    count(*) FILTER (WHERE coalesce(p.is_pending, false)) AS pending,
    count(*) FILTER (WHERE p.verified_at_ms IS NOT NULL) AS verified,
    count(*) FILTER (WHERE p.banned_at_ms IS NOT NULL) AS banned
FROM accounts a LEFT JOIN people p USING (account_id);
