"""The statements that matter, as SQL, named, in one place; they run on SQLite and PostgreSQL alike.

``{now}``, ``{for_update}`` and ``{skip_locked}`` are filled in by :mod:`broker.jobs.database`; ``{filters}`` and
``{where}`` by the caller with placeholders only, never with values.
"""

from __future__ import annotations

# Eligible rows: the order is batch priority, age of the batch, latest round first (it finishes a batch sooner). One
# statement, so that two workers never hold one job; the index jobs_claim gives the first row without sorting.
CLAIM = """
UPDATE jobs SET
    state = 'in_progress', lease_token = :token, lease_expires_at = {now} + :lease, worker = :worker,
    attempts = attempts + 1, started_at = {now}, announced_at = COALESCE(announced_at, {now}),
    progress = 0, progress_note = ''
WHERE id = (
    SELECT id FROM jobs
    WHERE state IN ('queued', 'failed') AND available_at <= {now} AND chain_id = :chain_id {filters}
    ORDER BY priority DESC, batch_id, round DESC, depth DESC, position, id
    LIMIT 1 {skip_locked}
) RETURNING *
"""

# Added to the filters for a worker that has a circuit type's key loaded: a job of that type, unless something of
# another batch, round or depth comes first.
SAME_CIRCUIT_TYPE = """
AND circuit_type = :circuit_type AND (priority, batch_id, round, depth) = (
    SELECT priority, batch_id, round, depth FROM jobs
    WHERE state IN ('queued', 'failed') AND available_at <= {now} AND chain_id = :chain_id {filters}
    ORDER BY priority DESC, batch_id, round DESC, depth DESC, position, id LIMIT 1)
"""

READY = """
SELECT 1 AS ready FROM jobs
WHERE state IN ('queued', 'failed') AND available_at <= {now} AND chain_id = :chain_id {filters} LIMIT 1
"""

INSERT_ATTEMPT = """
INSERT INTO attempts (job_id, number, token, worker, host, device, zone, trace_id, queue_wait, started_at)
VALUES (:job_id, :number, :token, :worker, :host, :device, :zone, :trace_id, :queue_wait, {now})
"""

END_ATTEMPT = """
UPDATE attempts SET ended_at = {now}, outcome = :outcome, error_code = :code, error = :error, traceback = :traceback
WHERE token = :token AND outcome IS NULL
"""

RENEW = """
UPDATE jobs SET lease_expires_at = {now} + :lease, progress = :progress, progress_note = :note
WHERE id = :job_id AND lease_token = :token AND state = 'in_progress' RETURNING id
"""

COMPLETE = """
UPDATE jobs SET state = 'successful', result = :result, finished_at = {now}, lease_token = NULL,
    lease_expires_at = NULL, progress = 1, error_code = NULL, error = NULL, traceback = NULL
WHERE id = :job_id AND lease_token = :token AND state = 'in_progress' RETURNING *
"""

# The barrier: each dependency is released once, by the transaction that completed it, and only a release that
# changed a row counts. A NOT EXISTS check instead loses the race under READ COMMITTED.
RELEASE = """
UPDATE dependencies SET released_at = {now} WHERE depends_on = :job_id AND released_at IS NULL RETURNING job_id
"""

DECREMENT = """
UPDATE jobs SET waiting_on = waiting_on - 1,
    state = CASE WHEN state = 'waiting' AND waiting_on = 1 THEN 'queued' ELSE state END,
    queued_at = CASE WHEN state = 'waiting' AND waiting_on = 1 THEN {now} ELSE queued_at END,
    available_at = CASE WHEN state = 'waiting' AND waiting_on = 1 THEN {now} ELSE available_at END
WHERE id = :job_id
"""

FAIL = """
UPDATE jobs SET state = :state, failures = failures + :counted, available_at = {now} + :delay, announced_at = NULL,
    lease_token = NULL, lease_expires_at = NULL, error_code = :code, error = :error, traceback = :traceback,
    queued_at = {now}, finished_at = CASE WHEN :state = 'dead' THEN {now} ELSE NULL END
WHERE id = :job_id AND lease_token = :token AND state = 'in_progress' RETURNING *
"""

EXPIRED = """
SELECT id, batch_id, lease_token, failures, attempts, worker, stage, traceparent FROM jobs
WHERE state = 'in_progress' AND lease_expires_at < {now} ORDER BY id LIMIT :limit {skip_locked}
"""

UNANNOUNCED = """
SELECT j.id, j.batch_id, j.stage, j.round, j.traceparent, j.chain_id, b.number
FROM jobs j JOIN batches b ON b.id = j.batch_id
WHERE j.state IN ('queued', 'failed') AND j.announced_at IS NULL AND j.available_at <= {now} - :grace
ORDER BY j.priority DESC, j.batch_id, j.round DESC, j.id LIMIT :limit
"""

MARK_ANNOUNCED = """
UPDATE jobs SET announced_at = {now} WHERE id = :job_id AND announced_at IS NULL AND state IN ('queued', 'failed')
"""

# Messages may have been lost when a stage has old announcements, no new one, and nobody claims. A few are sent again:
# enough to wake workers, few enough that a backlog of busy ones does not fill the queue.
REANNOUNCE = """
UPDATE jobs SET announced_at = NULL WHERE id IN (
    SELECT stale.id FROM jobs stale
    WHERE stale.state IN ('queued', 'failed') AND stale.announced_at < {now} - :age AND stale.available_at <= {now}
    AND NOT EXISTS (SELECT 1 FROM jobs other WHERE other.stage = stale.stage
        AND other.state IN ('queued', 'failed') AND other.announced_at >= {now} - :age)
    AND NOT EXISTS (SELECT 1 FROM jobs other WHERE other.stage = stale.stage
        AND other.state = 'in_progress' AND other.started_at >= {now} - :age)
    ORDER BY stale.announced_at LIMIT :limit)
"""

# Safety net of the barrier: recount what a fault of this program or an operator's hand left wrong.
RECOUNT = """
UPDATE jobs SET
    waiting_on = (SELECT count(*) FROM dependencies d WHERE d.job_id = jobs.id AND d.released_at IS NULL),
    state = CASE WHEN EXISTS (SELECT 1 FROM dependencies d WHERE d.job_id = jobs.id AND d.released_at IS NULL)
        THEN 'waiting' ELSE 'queued' END,
    available_at = {now}, queued_at = {now}, announced_at = NULL
WHERE state = 'waiting' AND waiting_on <>
    (SELECT count(*) FROM dependencies d WHERE d.job_id = jobs.id AND d.released_at IS NULL)
"""

RELEASE_STALE = """
UPDATE dependencies SET released_at = {now} WHERE released_at IS NULL
AND EXISTS (SELECT 1 FROM jobs made WHERE made.id = dependencies.depends_on AND made.state = 'successful')
"""

INSERT_BATCH = """
INSERT INTO batches (chain_id, number, protocol_version, priority, program_commitment, traceparent, offer, created_at)
VALUES (:chain_id, :number, :protocol_version, :priority, :program_commitment, :traceparent, :offer, {now})
ON CONFLICT (chain_id, number, protocol_version) DO NOTHING RETURNING *
"""

# A job that is made again (its parent ran again) takes the fresh inputs unless its own result is already there.
INSERT_JOB = """
INSERT INTO jobs (batch_id, chain_id, protocol_version, priority, traceparent, stage, round, depth, circuit_type,
    position, final, state, waiting_on, inputs, parameters, device, available_at, queued_at, created_at)
VALUES (:batch_id, :chain_id, :protocol_version, :priority, :traceparent, :stage, :round, :depth, :circuit_type,
    :position, :final, :state, :waiting_on, :inputs, :parameters, :device, {now}, {now}, {now})
ON CONFLICT (batch_id, stage, round, depth, circuit_type, position) DO UPDATE SET
    inputs = CASE WHEN jobs.state = 'successful' THEN jobs.inputs ELSE excluded.inputs END,
    parameters = CASE WHEN jobs.state = 'successful' THEN jobs.parameters ELSE excluded.parameters END
RETURNING id
"""

INSERT_DEPENDENCY = """
INSERT INTO dependencies (job_id, depends_on) VALUES (:job_id, :depends_on)
ON CONFLICT (job_id, depends_on) DO NOTHING
"""

INPUTS = """
SELECT j.id, j.stage, j.round, j.depth, j.circuit_type, j.position, j.result FROM dependencies d
JOIN jobs j ON j.id = d.depends_on WHERE d.job_id = :job_id
ORDER BY j.stage, j.round, j.depth, j.circuit_type, j.position
"""

REQUEUE = """
UPDATE jobs SET state = CASE WHEN waiting_on > 0 THEN 'waiting' ELSE 'queued' END, failures = 0, available_at = {now},
    queued_at = {now}, announced_at = NULL, lease_token = NULL, lease_expires_at = NULL, finished_at = NULL,
    progress = 0
WHERE id = :job_id RETURNING *
"""

CANCEL_JOBS = """
UPDATE jobs SET state = 'cancelled', lease_token = NULL, lease_expires_at = NULL, finished_at = {now}
WHERE batch_id = :batch_id AND state NOT IN ('successful', 'cancelled')
"""

CANCEL_ATTEMPTS = """
UPDATE attempts SET ended_at = {now}, outcome = 'cancelled'
WHERE outcome IS NULL AND job_id IN (SELECT id FROM jobs WHERE batch_id = :batch_id)
"""

SET_BATCH = """
UPDATE batches SET state = :state, error = :error, finished_at = CASE WHEN :finished = 1 THEN {now} ELSE NULL END
WHERE id = :batch_id AND state IN ({states})
"""

PROVE_BATCH = """
UPDATE batches SET state = 'proven', result = :result, error = NULL, finished_at = {now}
WHERE id = :batch_id AND state IN ('in_progress', 'dead', 'refused')
"""

COUNTS = """
SELECT stage, state, count(*) AS jobs FROM jobs GROUP BY stage, state
"""

OLDEST = """
SELECT stage, {now} - min(queued_at) AS age FROM jobs
WHERE state IN ('queued', 'failed') AND available_at <= {now} GROUP BY stage
"""

ATTEMPT_COUNTS = """
SELECT j.stage, COALESCE(a.outcome, 'running') AS outcome, count(*) AS attempts
FROM attempts a JOIN jobs j ON j.id = a.job_id GROUP BY j.stage, COALESCE(a.outcome, 'running')
"""

BATCH_COUNTS = "SELECT state, count(*) AS batches FROM batches GROUP BY state"

LATENCIES = """
SELECT COALESCE(sum(finished_at - created_at), 0) AS total, count(*) AS batches FROM batches
WHERE state IN ('proven', 'accepted')
"""

OUTBOX = """
SELECT count(*) AS pending FROM jobs
WHERE state IN ('queued', 'failed') AND announced_at IS NULL AND available_at <= {now}
"""

ADD_TICK = """
INSERT INTO ticks (task, due_at) VALUES (:task, :due_at) ON CONFLICT (task, due_at) DO NOTHING
"""

TAKE_TICKS = "UPDATE ticks SET taken_by = :taken_by WHERE taken_by IS NULL RETURNING task"

TICKS_WAITING = "SELECT 1 AS waiting FROM ticks WHERE taken_by IS NULL LIMIT 1"

FORGET_TICKS = "DELETE FROM ticks WHERE taken_by IS NOT NULL AND due_at < ({now} - :age) * 1000"

COLLECTABLE = """
SELECT * FROM batches WHERE collected_at IS NULL AND state IN ('accepted', 'refused', 'cancelled')
AND finished_at <= {now} - :age ORDER BY id LIMIT :limit
"""

MARK_COLLECTED = "UPDATE batches SET collected_at = {now} WHERE id = :batch_id"

ARCHIVABLE = """
SELECT * FROM batches WHERE state IN ('accepted', 'refused', 'cancelled') AND finished_at <= {now} - :age
ORDER BY id LIMIT :limit
"""

REMOVE_BATCH = "DELETE FROM batches WHERE id = :batch_id"
