CREATE TABLE attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    token TEXT NOT NULL UNIQUE,
    worker TEXT NOT NULL,
    host TEXT NOT NULL,
    device TEXT NOT NULL,
    zone TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    queue_wait DOUBLE PRECISION NOT NULL,
    started_at DOUBLE PRECISION NOT NULL,
    ended_at DOUBLE PRECISION,
    outcome TEXT,
    error_code TEXT,
    error TEXT,
    traceback TEXT, cpu_seconds DOUBLE PRECISION NOT NULL DEFAULT 0, loaded_bytes BIGINT NOT NULL DEFAULT 0, stored_bytes BIGINT NOT NULL DEFAULT 0, clock_skew DOUBLE PRECISION,
    UNIQUE (job_id, number)
);
CREATE INDEX attempts_ended ON attempts (ended_at);
CREATE TABLE batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chain_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    protocol_version TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'in_progress',
    priority INTEGER NOT NULL DEFAULT 0,
    program_commitment TEXT NOT NULL DEFAULT '',
    traceparent TEXT NOT NULL DEFAULT '',
    offer TEXT NOT NULL DEFAULT '{}',
    result TEXT,
    error TEXT,
    created_at DOUBLE PRECISION NOT NULL,
    finished_at DOUBLE PRECISION,
    collected_at DOUBLE PRECISION, proven_at DOUBLE PRECISION, key_identity TEXT NOT NULL DEFAULT '',
    UNIQUE (chain_id, number, protocol_version)
);
CREATE INDEX batches_finished ON batches (finished_at) WHERE state IN ('accepted', 'refused', 'cancelled');
CREATE INDEX batches_open ON batches (chain_id, state, id);
CREATE TABLE dependencies (
    job_id BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    depends_on BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    released_at DOUBLE PRECISION,
    PRIMARY KEY (job_id, depends_on)
);
CREATE INDEX dependencies_on ON dependencies (depends_on);
CREATE INDEX dependencies_open ON dependencies (job_id) WHERE released_at IS NULL;
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    batch_id BIGINT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    chain_id BIGINT NOT NULL,
    protocol_version TEXT NOT NULL,
    stage TEXT NOT NULL,
    round INTEGER NOT NULL DEFAULT 0,
    depth INTEGER NOT NULL DEFAULT 0,
    circuit_type TEXT NOT NULL DEFAULT '',
    position INTEGER NOT NULL DEFAULT 0,
    priority INTEGER NOT NULL DEFAULT 0,
    final INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    waiting_on INTEGER NOT NULL DEFAULT 0 CHECK (waiting_on >= 0),
    attempts INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    available_at DOUBLE PRECISION NOT NULL,
    announced_at DOUBLE PRECISION,
    lease_token TEXT,
    lease_expires_at DOUBLE PRECISION,
    worker TEXT,
    device TEXT NOT NULL DEFAULT '',
    inputs TEXT NOT NULL DEFAULT '{}',
    parameters TEXT NOT NULL DEFAULT '{}',
    result TEXT,
    traceparent TEXT NOT NULL DEFAULT '',
    progress DOUBLE PRECISION NOT NULL DEFAULT 0,
    progress_note TEXT NOT NULL DEFAULT '',
    error_code TEXT,
    error TEXT,
    traceback TEXT,
    created_at DOUBLE PRECISION NOT NULL,
    queued_at DOUBLE PRECISION,
    started_at DOUBLE PRECISION,
    finished_at DOUBLE PRECISION, made_by BIGINT, renewed_at DOUBLE PRECISION, key_identity TEXT NOT NULL DEFAULT '',
    UNIQUE (batch_id, stage, round, depth, circuit_type, position),
    CHECK ((state = 'in_progress') = (lease_token IS NOT NULL)),
    CHECK (state <> 'waiting' OR waiting_on > 0)
);
CREATE INDEX jobs_announced ON jobs (state, stage, announced_at) WHERE state = 'queued' AND announced_at IS NOT NULL;
CREATE INDEX jobs_claim ON jobs
    (chain_id, stage, protocol_version, priority DESC, batch_id, round DESC, depth DESC, position, id)
    WHERE state = 'queued';
CREATE INDEX jobs_dead ON jobs (finished_at) WHERE state = 'dead';
CREATE INDEX jobs_delayed ON jobs (state, available_at) WHERE state = 'failed';
CREATE INDEX jobs_failed ON jobs (state, queued_at) WHERE state = 'failed';
CREATE INDEX jobs_leases ON jobs (state, lease_expires_at) WHERE state = 'in_progress';
CREATE INDEX jobs_made_by ON jobs (made_by) WHERE made_by IS NOT NULL;
CREATE INDEX jobs_outbox ON jobs (state, priority DESC, batch_id, round DESC, id)
    WHERE state = 'queued' AND announced_at IS NULL;
CREATE INDEX jobs_renewed ON jobs (state, renewed_at) WHERE state = 'in_progress';
CREATE INDEX jobs_state ON jobs (state, stage);
CREATE TABLE protocol_versions (
    chain_id BIGINT NOT NULL,
    protocol_version TEXT NOT NULL,
    key_identity TEXT NOT NULL,
    inserted_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (chain_id, protocol_version)
);
CREATE TABLE "schema_migration" ("id" INTEGER NOT NULL PRIMARY KEY, "name" VARCHAR(255) NOT NULL, "applied" DATETIME NOT NULL);
CREATE UNIQUE INDEX "schema_migration_name" ON "schema_migration" ("name");
CREATE TABLE tallies (
    name TEXT NOT NULL,
    stage TEXT NOT NULL,
    outcome TEXT NOT NULL,
    count BIGINT NOT NULL,
    total DOUBLE PRECISION NOT NULL DEFAULT 0,
    PRIMARY KEY (name, stage, outcome)
);
CREATE TABLE ticks (
    task TEXT NOT NULL PRIMARY KEY,
    made_at DOUBLE PRECISION NOT NULL,
    taken_by TEXT
);
