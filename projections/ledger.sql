-- The `ledger` read model: double entry in whole micro-credits. What must not be, the database refuses:
-- a transaction that does not sum to zero, a changed entry, a balance below its floor, a job paid twice.

-- name: migration 1
-- Entries are only ever added. Balances are moved by the entries alone, in the same statement.
CREATE TABLE entries (
    position bigint NOT NULL,
    index bigint NOT NULL,
    leg bigint NOT NULL,
    account text NOT NULL,
    account_id text,
    amount_micro bigint NOT NULL CHECK (amount_micro <> 0),
    kind text NOT NULL,
    job_id text,
    island_id text,
    reference text,
    original text,
    price_rules_version bigint,
    effective_at_ms bigint NOT NULL,
    posted_at_ms bigint NOT NULL,
    PRIMARY KEY (position, index, leg)
);
CREATE INDEX entries_of_account ON entries (account_id, position) WHERE account_id IS NOT NULL;
-- Once a job: held, settled, earned by the island, earned by the publisher, compensated; refunded once a part.
CREATE UNIQUE INDEX entries_once_a_job ON entries (job_id, kind, coalesce(reference, '')) WHERE leg = 0;
-- A hold ends once: settled or released.
CREATE UNIQUE INDEX entries_one_end_of_hold ON entries (job_id) WHERE leg = 0 AND kind IN ('settled', 'released');
-- Credits enter the books once for each grant.
CREATE UNIQUE INDEX entries_once_a_grant ON entries (account_id, reference) WHERE kind = 'granted' AND account_id IS NOT NULL;
-- A correction is made once, and each fee is collected once.
CREATE UNIQUE INDEX entries_once_a_correction ON entries (account_id, reference)
    WHERE kind = 'corrected' AND account_id IS NOT NULL;
CREATE UNIQUE INDEX entries_once_a_collection ON entries (reference) WHERE kind = 'fees_collected' AND leg = 0;

CREATE TABLE balances (
    account text PRIMARY KEY,
    amount_micro bigint NOT NULL,
    position bigint NOT NULL
) WITH (fillfactor = 50);

-- One row: how many entries there are, and the digest that stands for all of them in order.
CREATE TABLE chain (
    books text PRIMARY KEY DEFAULT 'entries' CHECK (books = 'entries'),
    entries bigint NOT NULL,
    digest bytea NOT NULL,
    position bigint NOT NULL
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger: % is never changed by %', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation', HINT = 'Post a transaction that corrects the old one.';
END $$;

CREATE TRIGGER entries_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Entries move balances one trigger deep; whoever writes balances directly is not.
CREATE TRIGGER balances_follow_entries BEFORE INSERT OR UPDATE OR DELETE ON balances
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER balances_stay BEFORE TRUNCATE ON balances
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER chain_follows_entries BEFORE INSERT OR UPDATE OR DELETE ON chain
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER chain_stays BEFORE TRUNCATE ON chain FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What an entry is, as one text: the same as in `ledger_chain.py`, which computes the chain a second time.
CREATE FUNCTION canonical(e entries) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT concat_ws(chr(31), e.position, e.index, e.leg, e.account, e.amount_micro, e.kind, coalesce(e.job_id, ''),
        coalesce(e.island_id, ''), coalesce(e.reference, ''), coalesce(e.original, ''),
        coalesce(e.price_rules_version::text, ''), e.effective_at_ms, e.posted_at_ms)
$$;

CREATE FUNCTION post_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
    one text;
    head bytea;
    added bigint;
    reached bigint;
BEGIN
    SELECT position, index, sum(amount_micro) AS amount INTO wrong
    FROM posted GROUP BY position, index HAVING sum(amount_micro) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger: transaction %.% sums to %, not to 0', wrong.position, wrong.index, wrong.amount
            USING ERRCODE = 'check_violation';
    END IF;

    -- The balance behind every transaction, not only behind the last of the batch, so that the size of a batch
    -- never decides what is refused. Only `mint` may be below zero.
    SELECT running.* INTO wrong FROM (
        SELECT p.account, p.position, p.index, coalesce(b.amount_micro, 0) + sum(p.amount_micro)
            OVER (PARTITION BY p.account ORDER BY p.position, p.index) AS amount
        FROM posted p LEFT JOIN balances b ON b.account = p.account
        WHERE p.account <> 'mint'
    ) AS running WHERE running.amount < 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger: transaction %.% brings % to %, below 0', wrong.position, wrong.index,
            wrong.account, wrong.amount USING ERRCODE = 'check_violation';
    END IF;

    INSERT INTO balances (account, amount_micro, position)
    SELECT account, sum(amount_micro), max(position) FROM posted GROUP BY account
    ON CONFLICT (account) DO UPDATE
        SET amount_micro = balances.amount_micro + EXCLUDED.amount_micro, position = EXCLUDED.position;

    SELECT count(*), max(position) INTO added, reached FROM posted;
    head := coalesce((SELECT digest FROM chain), ''::bytea);
    FOR one IN SELECT canonical(posted::entries) FROM posted ORDER BY position, index, leg LOOP
        head := sha256(head || convert_to(one, 'UTF8'));
    END LOOP;
    INSERT INTO chain (entries, digest, position) SELECT added, head, reached WHERE added > 0
    ON CONFLICT (books) DO UPDATE
        SET entries = chain.entries + EXCLUDED.entries, digest = EXCLUDED.digest, position = EXCLUDED.position;
    RETURN NULL;
END $$;

CREATE TRIGGER entries_are_posted AFTER INSERT ON entries REFERENCING NEW TABLE AS posted
    FOR EACH STATEMENT EXECUTE FUNCTION post_entries();
