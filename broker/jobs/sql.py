"""The statements that matter, as SQL, named, in one place; they run on SQLite and PostgreSQL alike.

A moment more than a second in the future was written before the clock stepped back; the second is for statements that
waited for a lock while others went on.

``{now}``, ``{for_update}``, ``{skip_locked}`` and ``{each}`` (the values of a JSON array ``:page``, so that one
statement is for many rows) are filled in by :mod:`broker.jobs.database`; ``{filters}`` and ``{where}`` by the caller
with placeholders only, never with values.
"""

from __future__ import annotations

# A queued row may be claimed whatever the clock says, so a clock that steps back stops no claim; only failed rows have
# a time to wait for. Order: batch priority, age of the batch, latest round first (it finishes a batch sooner). One
# statement, so that two workers never hold one job; the index jobs_claim gives the first row without sorting.
CLAIM = """
UPDATE jobs SET
    state = 'in_progress', lease_token = :token, lease_expires_at = {now} + :lease, renewed_at = {now},
    worker = :worker, attempts = attempts + 1, started_at = {now}, announced_at = COALESCE(announced_at, {now}),
    progress = 0, progress_note = ''
WHERE id = (
    SELECT id FROM jobs WHERE state = 'queued' {filters}
    ORDER BY priority DESC, batch_id, round DESC, depth DESC, position, id
    LIMIT 1 {skip_locked}
) RETURNING *, CASE WHEN started_at > COALESCE(queued_at, created_at)
    THEN started_at - COALESCE(queued_at, created_at) ELSE 0 END AS queue_wait
"""

# Added to the filters for a worker that has a circuit type's key loaded: a job of that type, unless something of
# another batch, round or depth comes first.
SAME_CIRCUIT_TYPE = """
AND circuit_type = :circuit_type AND (priority, batch_id, round, depth) = (
    SELECT priority, batch_id, round, depth FROM jobs WHERE state = 'queued' {filters}
    ORDER BY priority DESC, batch_id, round DESC, depth DESC, position, id LIMIT 1)
"""

END_DELAYS = """
UPDATE jobs SET state = 'queued', available_at = {now}, queued_at = {now} WHERE id IN (
    SELECT id FROM jobs WHERE state = 'failed' AND available_at <= {now} ORDER BY available_at
    LIMIT :limit {skip_locked})
"""

# A failure in the future was recorded before the clock stepped back: its delay is over.
END_FUTURE_DELAYS = """
UPDATE jobs SET state = 'queued', available_at = {now}, queued_at = {now} WHERE id IN (
    SELECT id FROM jobs WHERE state = 'failed' AND queued_at > {now} + 1 ORDER BY queued_at LIMIT :limit {skip_locked})
"""

DELAY_OVER = """
SELECT 1 AS due WHERE (SELECT min(available_at) FROM jobs WHERE state = 'failed') <= {now}
OR (SELECT max(queued_at) FROM jobs WHERE state = 'failed') > {now} + 1
"""

# Whose jobs may be queued: one job that is dead stops no other of its batch.
OPEN_CHAINS = "SELECT DISTINCT chain_id FROM batches WHERE state IN ('in_progress', 'dead')"

PEEK = """
SELECT * FROM jobs WHERE state = 'queued' {filters}
ORDER BY priority DESC, batch_id, round DESC, depth DESC, position, id LIMIT 1
"""

# In the order of a claim, so that it too takes the index whatever the planner thinks of the rows' distribution.
READY = """
SELECT 1 AS ready FROM jobs WHERE state = 'queued' {filters}
ORDER BY priority DESC, batch_id, round DESC, depth DESC, position, id LIMIT 1
"""

# Added to the filters by whether only later rounds, only the first, or all are wanted. (With `round = 0` SQLite sorts.)
ROUNDS = {True: " AND round > 0", False: " AND round < 1", None: ""}

# Written into jobs that a worker may not have and nobody else works on, so that they say why they wait.
REFUSE = """
UPDATE jobs SET error_code = 'other_keys', error = :error WHERE id IN (
    SELECT id FROM jobs WHERE state = 'queued' {filters} AND key_identity NOT IN ('', :key_identity)
    AND queued_at <= {now} - :grace AND NOT EXISTS (SELECT 1 FROM jobs busy WHERE busy.state = 'in_progress'
        AND busy.stage = jobs.stage AND busy.key_identity = jobs.key_identity)
    ORDER BY priority DESC, batch_id LIMIT 1)
RETURNING *
"""

KNOWN_VERSIONS = "SELECT * FROM protocol_versions WHERE chain_id = :chain_id ORDER BY protocol_version"

INSERT_VERSION = """
INSERT INTO protocol_versions (chain_id, protocol_version, key_identity, inserted_at)
VALUES (:chain_id, :protocol_version, :key_identity, {now})
ON CONFLICT (chain_id, protocol_version) DO UPDATE SET key_identity = excluded.key_identity, inserted_at = {now}
"""

# Batches that are not over, of a version and of other keys than these.
OPEN_OF_OTHER_KEYS = """
SELECT number FROM batches WHERE chain_id = :chain_id AND protocol_version = :protocol_version
AND state IN ('in_progress', 'dead', 'proven') AND key_identity NOT IN ('', :key_identity) ORDER BY number
"""

# The attempt of a job that a statement has just claimed, {claimed}. A batch keeps no traceparent but a valid one.
INSERT_ATTEMPT = """
INSERT INTO attempts
    (job_id, number, token, worker, host, device, zone, trace_id, queue_wait, started_at, clock_skew)
SELECT id, attempts, :token, :worker, :host, :own_device, :zone,
    CASE WHEN traceparent = '' THEN '' ELSE substr(traceparent, 4, 32) END, queue_wait, {now},
    CAST(:clock_skew AS DOUBLE PRECISION)
FROM {claimed}
"""

# Both in one statement, for PostgreSQL: half of a claim's cost are the ways to the server and back.
CLAIM_WITH_ATTEMPT = f"""
WITH claimed AS ({CLAIM}), attempt AS ({INSERT_ATTEMPT.replace("{claimed}", "claimed")}) SELECT * FROM claimed
"""

END_ATTEMPT = """
UPDATE attempts SET ended_at = {now}, outcome = :outcome, error_code = :code, error = :error, traceback = :traceback,
    cpu_seconds = :cpu_seconds, loaded_bytes = :loaded_bytes, stored_bytes = :stored_bytes
WHERE token = :token AND outcome IS NULL
"""

RENEW = """
UPDATE jobs SET lease_expires_at = {now} + :lease, renewed_at = {now}, progress = :progress, progress_note = :note
WHERE id = :job_id AND lease_token = :token AND state = 'in_progress' RETURNING id
"""

TELL_CLOCK = "UPDATE attempts SET clock_skew = :clock_skew WHERE token = :token AND outcome IS NULL"

COMPLETE = """
UPDATE jobs SET state = 'successful', result = :result, finished_at = {now}, lease_token = NULL,
    lease_expires_at = NULL, renewed_at = NULL, progress = 1, error_code = NULL, error = NULL, traceback = NULL
WHERE id = :job_id AND lease_token = :token AND state = 'in_progress' RETURNING *,
    EXISTS (SELECT 1 FROM jobs child WHERE child.made_by = jobs.id) AS made_before
"""

# Both in one statement, for PostgreSQL; nothing ends the attempt of a job that is another's now.
COMPLETE_WITH_ATTEMPT = f"""
WITH done AS ({COMPLETE}), ended AS ({END_ATTEMPT} AND EXISTS (SELECT 1 FROM done)) SELECT * FROM done
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
WHERE id IN (SELECT CAST(value AS BIGINT) FROM {each})
"""

FAIL = """
UPDATE jobs SET state = :state, failures = failures + :counted, available_at = {now} + :delay, announced_at = NULL,
    lease_token = NULL, lease_expires_at = NULL, renewed_at = NULL, error_code = :code, error = :error,
    traceback = :traceback, queued_at = {now}, finished_at = CASE WHEN :state = 'dead' THEN {now} ELSE NULL END
WHERE id = :job_id AND lease_token = :token AND state = 'in_progress' RETURNING *
"""

HELD = "SELECT * FROM jobs WHERE id = :job_id AND lease_token = :token AND state = 'in_progress'"

# What the sweep could not know: why the worker of an attempt went silent.
NAME_CAUSE_OF_ATTEMPT = """
UPDATE attempts SET outcome = :outcome, error_code = :code, error = :error
WHERE token = :token AND outcome = 'lost' AND error_code = 'lease_expired' RETURNING number
"""

# Unless a later attempt has said something of its own.
NAME_CAUSE_OF_JOB = """
UPDATE jobs SET error_code = :code, error = :error
WHERE id = :job_id AND attempts = :number AND error_code = 'lease_expired' RETURNING *
"""

EXPIRED = """
SELECT id, batch_id, lease_token, failures, attempts, worker, stage, traceparent FROM jobs
WHERE state = 'in_progress' AND lease_expires_at < {now} ORDER BY lease_expires_at LIMIT :limit {skip_locked}
"""

# A lease renewed in the future was renewed before the clock stepped back. It gets its whole length from now, so that
# a worker that lives renews it and one that died loses it.
RESTART_FUTURE_LEASES = """
UPDATE jobs SET lease_expires_at = {now} + (lease_expires_at - renewed_at), renewed_at = {now} WHERE id IN (
    SELECT id FROM jobs WHERE state = 'in_progress' AND renewed_at > {now} + 1 ORDER BY renewed_at
    LIMIT :limit {skip_locked})
"""

UNANNOUNCED = """
SELECT j.id, j.batch_id, j.stage, j.round, j.traceparent, j.chain_id, b.number
FROM jobs j JOIN batches b ON b.id = j.batch_id
WHERE j.state = 'queued' AND j.announced_at IS NULL AND (j.queued_at <= {now} - :grace OR j.queued_at > {now} + 1)
ORDER BY j.priority DESC, j.batch_id, j.round DESC, j.id LIMIT :limit
"""

MARK_ANNOUNCED = """
UPDATE jobs SET announced_at = {now} WHERE id IN ({ids}) AND announced_at IS NULL AND state = 'queued' RETURNING id
"""

UNMARK_ANNOUNCED = "UPDATE jobs SET announced_at = NULL WHERE id = :job_id AND state = 'queued'"

# Messages may have been lost when a stage has old announcements, no new one, and nobody works on it (whoever does looks
# for more when done). A few are sent again: enough to wake workers, few enough to fill no queue. Asked for each stage,
# so that the two conditions are one probe of an index and not one for every row. An announcement in the future was made
# before the clock stepped back.
REANNOUNCE = """
UPDATE jobs SET announced_at = NULL WHERE id IN (
    SELECT id FROM jobs WHERE state = 'queued' AND stage = :stage
    AND announced_at IS NOT NULL AND (announced_at < {now} - :age OR announced_at > {now} + 1)
    AND NOT EXISTS (SELECT 1 FROM jobs fresh WHERE fresh.state = 'queued' AND fresh.stage = :stage
        AND fresh.announced_at BETWEEN {now} - :age AND {now} + 1)
    AND NOT EXISTS (SELECT 1 FROM jobs busy WHERE busy.state = 'in_progress' AND busy.stage = :stage)
    ORDER BY announced_at LIMIT :limit)
"""

# How many messages of a queue can still be of use; counting ends at the limit.
ANNOUNCED = """
SELECT count(*) AS announced FROM (SELECT 1 FROM jobs
    WHERE state = 'queued' AND stage = :stage AND announced_at IS NOT NULL {filters}
    ORDER BY announced_at LIMIT :limit) AS counted
"""

ANNOUNCE_STAGE_AGAIN = """
UPDATE jobs SET announced_at = NULL WHERE state = 'queued' AND stage = :stage AND announced_at IS NOT NULL
"""

# Safety net of the barrier: what a fault of this program or an operator's hand left wrong. Looked for outside a
# transaction that writes, since the look takes as long as there are open dependencies.
STALE_DEPENDENCIES = """
SELECT d.job_id, d.depends_on FROM dependencies d JOIN jobs made ON made.id = d.depends_on
WHERE d.released_at IS NULL AND made.state = 'successful' LIMIT :limit
"""

RELEASE_ONE = """
UPDATE dependencies SET released_at = {now} WHERE job_id = :job_id AND depends_on = :depends_on
AND released_at IS NULL AND EXISTS (SELECT 1 FROM jobs made WHERE made.id = :depends_on AND made.state = 'successful')
"""

WRONG_BARRIERS = """
SELECT id FROM jobs WHERE state = 'waiting' AND waiting_on <>
    (SELECT count(*) FROM dependencies d WHERE d.job_id = jobs.id AND d.released_at IS NULL) LIMIT :limit
"""

# Set a job's barrier to what it still waits for; a held job is not touched, its worker would lose it.
SETTLE = """
UPDATE jobs SET
    waiting_on = (SELECT count(*) FROM dependencies d WHERE d.job_id = jobs.id AND d.released_at IS NULL),
    state = CASE WHEN EXISTS (SELECT 1 FROM dependencies d WHERE d.job_id = jobs.id AND d.released_at IS NULL)
        THEN 'waiting' ELSE 'queued' END,
    available_at = {now}, queued_at = {now}, announced_at = NULL
WHERE id IN (SELECT CAST(value AS BIGINT) FROM {each}) AND state IN ('waiting', 'queued')
"""

INSERT_BATCH = """
INSERT INTO batches (chain_id, number, protocol_version, key_identity, priority, program_commitment, traceparent, offer,
    created_at)
VALUES (:chain_id, :number, :protocol_version, :key_identity, :priority, :program_commitment, :traceparent, :offer,
    {now})
ON CONFLICT (chain_id, number, protocol_version) DO NOTHING RETURNING *
"""

# One statement for many: a batch of 30,000 segments has 240,000 jobs, and on SQLite everybody waits for their making.
# A job that is made again (its parent ran again) takes the fresh inputs unless its own result is already there.
INSERT_JOBS = """
INSERT INTO jobs (batch_id, chain_id, protocol_version, key_identity, priority, traceparent, made_by, stage, round,
    depth, circuit_type, position, final, state, waiting_on, inputs, parameters, device, available_at, queued_at,
    created_at)
SELECT :batch_id, :chain_id, :protocol_version, :key_identity, :priority, :traceparent, :made_by, value ->> 'stage',
    CAST(value ->> 'round' AS INTEGER), CAST(value ->> 'depth' AS INTEGER), value ->> 'circuit_type',
    CAST(value ->> 'position' AS INTEGER), CAST(value ->> 'final' AS INTEGER), value ->> 'state',
    CAST(value ->> 'waiting_on' AS INTEGER), value ->> 'inputs', value ->> 'parameters', value ->> 'device',
    {now}, {now}, {now}
FROM {each} WHERE true
ON CONFLICT (batch_id, stage, round, depth, circuit_type, position) DO UPDATE SET
    inputs = CASE WHEN jobs.state = 'successful' THEN jobs.inputs ELSE excluded.inputs END,
    parameters = CASE WHEN jobs.state = 'successful' THEN jobs.parameters ELSE excluded.parameters END
RETURNING id, stage, round, depth, circuit_type, position
"""

INSERT_DEPENDENCIES = """
INSERT INTO dependencies (job_id, depends_on)
SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT) FROM {each} WHERE true
ON CONFLICT (job_id, depends_on) DO NOTHING
"""

# A job that waits once more for the one that made it, because that was requeued, takes nothing of its result.
INPUTS = """
SELECT j.id, j.stage, j.round, j.depth, j.circuit_type, j.position, j.result FROM dependencies d
JOIN jobs j ON j.id = d.depends_on JOIN jobs own ON own.id = d.job_id
WHERE d.job_id = :job_id AND (own.made_by IS NULL OR own.made_by <> j.id)
ORDER BY j.stage, j.round, j.depth, j.circuit_type, j.position
"""

LOCK_BATCH = "SELECT * FROM batches WHERE id = :batch_id {for_update}"

LOCK_JOBS = "SELECT * FROM jobs WHERE batch_id = :batch_id ORDER BY id {for_update}"

# What is made again waits for its makers again, and so does whatever has no result yet and needs its result.
REOPEN_OWN = """
UPDATE dependencies SET released_at = NULL
WHERE job_id IN (SELECT CAST(value AS BIGINT) FROM {each}) AND released_at IS NOT NULL
AND EXISTS (SELECT 1 FROM jobs maker WHERE maker.id = dependencies.depends_on AND maker.state <> 'successful')
"""

REOPEN_DEPENDANTS = """
UPDATE dependencies SET released_at = NULL
WHERE depends_on IN (SELECT CAST(value AS BIGINT) FROM {each})
AND EXISTS (SELECT 1 FROM jobs user_of WHERE user_of.id = dependencies.job_id AND user_of.state <> 'successful')
"""

# Jobs that it made when it completed get new inputs when it completes again; until then they wait for it.
TIE_CHILDREN = """
INSERT INTO dependencies (job_id, depends_on)
SELECT id, made_by FROM jobs WHERE made_by IN (SELECT CAST(value AS BIGINT) FROM {each}) AND state <> 'successful'
ON CONFLICT (job_id, depends_on) DO UPDATE SET released_at = NULL
"""

DEPENDANTS = """
SELECT DISTINCT j.id, j.lease_token FROM dependencies d JOIN jobs j ON j.id = d.job_id
WHERE d.depends_on IN (SELECT CAST(value AS BIGINT) FROM {each}) AND d.released_at IS NULL ORDER BY j.id
"""

START_OVER = """
UPDATE jobs SET state = CASE WHEN EXISTS (SELECT 1 FROM dependencies d WHERE d.job_id = jobs.id
        AND d.released_at IS NULL) THEN 'waiting' ELSE 'queued' END,
    waiting_on = (SELECT count(*) FROM dependencies d WHERE d.job_id = jobs.id AND d.released_at IS NULL),
    failures = 0, available_at = {now}, queued_at = {now}, announced_at = NULL, lease_token = NULL,
    lease_expires_at = NULL, renewed_at = NULL, finished_at = NULL, progress = 0, result = NULL
WHERE id IN (SELECT CAST(value AS BIGINT) FROM {each})
"""

REOPEN_BATCH = """
UPDATE batches SET state = :state, error = :error, result = NULL, finished_at = NULL WHERE id = :batch_id
"""

PRIORITISE_BATCH = "UPDATE batches SET priority = :priority WHERE id = :batch_id"

# Of finished jobs too, so that one that is requeued has its batch's priority.
PRIORITISE_JOBS = "UPDATE jobs SET priority = :priority WHERE batch_id = :batch_id"

CHILDREN = """
SELECT id, stage, round, depth, circuit_type, position, lease_token FROM jobs WHERE made_by = :job_id ORDER BY id
"""

REMOVE_JOBS = "DELETE FROM jobs WHERE id IN (SELECT CAST(value AS BIGINT) FROM {each})"

CANCEL_JOBS = """
UPDATE jobs SET state = 'cancelled', lease_token = NULL, lease_expires_at = NULL, renewed_at = NULL, finished_at = {now}
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
UPDATE batches SET state = 'proven', result = :result, error = NULL, finished_at = {now},
    proven_at = COALESCE(proven_at, {now})
WHERE id = :batch_id AND state IN ('in_progress', 'dead')
"""

# A proof that was made elsewhere is the result of the job that would have ended the batch, where there is one yet.
HAND_IN_JOB = """
UPDATE jobs SET state = 'successful', result = :result, progress = 1, error_code = NULL, error = NULL, traceback = NULL
WHERE batch_id = :batch_id AND final = 1
"""

HAND_IN_BATCH = """
UPDATE batches SET state = 'proven', result = :result, error = NULL, finished_at = {now},
    proven_at = COALESCE(proven_at, {now})
WHERE id = :batch_id AND state IN ('in_progress', 'dead', 'cancelled')
"""

COUNTS = """
SELECT stage, state, count(*) AS jobs FROM jobs GROUP BY stage, state
"""

OLDEST = """
SELECT stage, {now} - min(queued_at) AS age FROM jobs
WHERE state = 'queued' GROUP BY stage
"""

# Counters: what is in the tables and what archived batches had counted, in one statement, so that no batch is missed
# or counted twice between the two.
ATTEMPT_COUNTS = """
SELECT stage, outcome, sum(n) AS attempts FROM (
    SELECT j.stage AS stage, a.outcome AS outcome, count(*) AS n FROM attempts a JOIN jobs j ON j.id = a.job_id
    WHERE a.outcome IS NOT NULL GROUP BY j.stage, a.outcome
    UNION ALL SELECT stage, outcome, count FROM tallies WHERE name = 'attempts') counted
GROUP BY stage, outcome
"""

BATCH_COUNTS = "SELECT state, count(*) AS batches FROM batches GROUP BY state"

LATENCIES = """
SELECT COALESCE(sum(seconds), 0) AS total, COALESCE(sum(n), 0) AS batches FROM (
    SELECT CASE WHEN proven_at > created_at THEN proven_at - created_at ELSE 0 END AS seconds, 1 AS n
    FROM batches WHERE proven_at IS NOT NULL
    UNION ALL SELECT total, count FROM tallies WHERE name = 'latency') counted
"""

TALLY_ATTEMPTS = """
INSERT INTO tallies (name, stage, outcome, count)
SELECT 'attempts', j.stage, a.outcome, count(*) FROM attempts a JOIN jobs j ON j.id = a.job_id
WHERE j.batch_id = :batch_id AND a.outcome IS NOT NULL GROUP BY j.stage, a.outcome
ON CONFLICT (name, stage, outcome) DO UPDATE SET count = tallies.count + excluded.count
"""

TALLY_ATTEMPTS_OF_JOBS = TALLY_ATTEMPTS.replace(
    "j.batch_id = :batch_id", "j.id IN (SELECT CAST(value AS BIGINT) FROM {each})"
)

TALLY_LATENCY = """
INSERT INTO tallies (name, stage, outcome, count, total)
SELECT 'latency', '', '', 1, CASE WHEN proven_at > created_at THEN proven_at - created_at ELSE 0 END
FROM batches WHERE id = :batch_id AND proven_at IS NOT NULL
ON CONFLICT (name, stage, outcome) DO UPDATE SET
    count = tallies.count + excluded.count, total = tallies.total + excluded.total
"""

OUTBOX = "SELECT count(*) AS pending FROM jobs WHERE state = 'queued' AND announced_at IS NULL"

# A tick is due when the last one was made most of a period ago; one made in the future was made before the clock
# stepped back.
ADD_TICK = """
INSERT INTO ticks (task, made_at) VALUES (:task, {now})
ON CONFLICT (task) DO UPDATE SET made_at = {now}, taken_by = NULL
WHERE ticks.made_at <= {now} - :spacing OR ticks.made_at > {now} + 1
"""

TAKE_TICKS = "UPDATE ticks SET taken_by = :taken_by WHERE taken_by IS NULL RETURNING task"

TICKS_WAITING = "SELECT 1 AS waiting FROM ticks WHERE taken_by IS NULL LIMIT 1"

# A batch that finished in the future did so before the clock stepped back: its retention counts from now.
RESTAMP_FINISHED = """
UPDATE batches SET finished_at = {now} WHERE state IN ('accepted', 'refused', 'cancelled') AND finished_at > {now} + 1
"""

COLLECTABLE = """
SELECT * FROM batches WHERE collected_at IS NULL AND state IN ('accepted', 'refused', 'cancelled')
AND finished_at <= {now} - :age ORDER BY id LIMIT :limit
"""

MARK_COLLECTED = """
UPDATE batches SET collected_at = {now} WHERE id = :batch_id AND state IN ('accepted', 'refused', 'cancelled')
"""

ARCHIVABLE = """
SELECT * FROM batches WHERE state IN ('accepted', 'refused', 'cancelled') AND finished_at <= {now} - :age
ORDER BY id LIMIT :limit
"""

REMOVE_BATCH = """
DELETE FROM batches WHERE id = :batch_id AND state IN ('accepted', 'refused', 'cancelled')
"""
