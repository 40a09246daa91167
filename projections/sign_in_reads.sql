-- What the door of the API asks about people who are signed in. Over the projection `accounts`.

-- name: session_by_hash
-- The open session with this secret; whether its time is over is for the caller to see.
SELECT * FROM sessions WHERE secret_sha256 = %(sha256)s AND ended_at_ms IS NULL;

-- name: sessions
-- The open sessions of an account at a moment, newest first.
SELECT * FROM sessions
WHERE account_id = %(account_id)s AND ended_at_ms IS NULL AND expires_at_ms > %(now_ms)s
ORDER BY created_position DESC LIMIT %(limit)s;

-- name: emails
-- The addresses that sign in to an account, the one confirmed last first: more than one only until a change is over.
SELECT * FROM emails WHERE account_id = %(account_id)s AND confirmed_at_ms IS NOT NULL
ORDER BY confirmed_at_ms DESC, position DESC LIMIT %(limit)s;
