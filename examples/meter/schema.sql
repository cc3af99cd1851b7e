CREATE TABLE IF NOT EXISTS bills (customer TEXT PRIMARY KEY, kwh INTEGER NOT NULL);

-- as 'twicesafe table --format sql' prints it
CREATE TABLE IF NOT EXISTS twicesafe_steps (
    key text NOT NULL,
    generation bigint NOT NULL,
    step text NOT NULL,
    fingerprint text NOT NULL,
    result text,
    expires_at bigint NOT NULL, -- seconds since the epoch; what is past it may be deleted at any time
    PRIMARY KEY (key, generation, step)
);
