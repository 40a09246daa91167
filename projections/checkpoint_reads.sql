-- Signed checkpoints of the log.

-- name: newest
-- The checkpoint over most commits.
SELECT * FROM checkpoints ORDER BY tree_size DESC LIMIT 1;

-- name: of_size
-- The one over exactly so many commits.
SELECT * FROM checkpoints WHERE tree_size = %(tree_size)s;

-- name: first_over
-- The smallest that covers a position.
SELECT * FROM checkpoints WHERE tree_size >= %(position)s ORDER BY tree_size LIMIT 1;
