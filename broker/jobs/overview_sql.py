"""The statements behind an operator's overviews; written like those of :mod:`broker.jobs.sql`."""

from __future__ import annotations

# Nearest-rank percentiles without a function that only one of the databases has: r of n with r = ceil(n * p / 100).
_RANKED = """
SELECT {groups}, count(*) AS attempts, sum(seconds) AS seconds, max(seconds) AS longest,
    max(CASE WHEN place = (n * 50 + 99) / 100 THEN seconds END) AS p50,
    max(CASE WHEN place = (n * 95 + 99) / 100 THEN seconds END) AS p95,
    max(CASE WHEN wait_place = (n * 50 + 99) / 100 THEN queue_wait END) AS wait_p50,
    max(CASE WHEN wait_place = (n * 95 + 99) / 100 THEN queue_wait END) AS wait_p95
FROM (SELECT {groups}, seconds, queue_wait, count(*) OVER (PARTITION BY {groups}) AS n,
        row_number() OVER (PARTITION BY {groups} ORDER BY seconds) AS place,
        row_number() OVER (PARTITION BY {groups} ORDER BY queue_wait) AS wait_place
    FROM ({attempts}) AS taken) AS ranked
GROUP BY {groups} ORDER BY {groups}
"""

_ATTEMPTS = """
SELECT j.stage, j.round, j.depth, j.circuit_type, a.queue_wait,
    CASE WHEN a.ended_at > a.started_at THEN a.ended_at - a.started_at ELSE 0 END AS seconds
FROM attempts a JOIN jobs j ON j.id = a.job_id
WHERE a.outcome = 'successful' AND {where}
"""

#: Successful attempts of a span of time, by stage, round and circuit type.
STATISTICS = _RANKED.format(
    groups="stage, round, circuit_type",
    attempts=_ATTEMPTS.format(where="a.ended_at >= :since AND a.ended_at < :until"),
)

OUTCOMES = """
SELECT j.stage, j.round, j.circuit_type, a.outcome, count(*) AS attempts FROM attempts a JOIN jobs j ON j.id = a.job_id
WHERE a.ended_at >= :since AND a.ended_at < :until AND a.outcome <> 'successful'
GROUP BY j.stage, j.round, j.circuit_type, a.outcome
"""

# A batch's jobs as lines of a timeline: what is done at one place by one stage.
LINES = """
SELECT round, depth, stage, circuit_type, count(*) AS jobs, min(queued_at) AS queued_at,
    min(started_at) AS started_at, max(finished_at) AS finished_at, sum(attempts) AS attempts,
    sum(failures) AS failures, sum(CASE WHEN attempts > 1 THEN 1 ELSE 0 END) AS retried,
    sum(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END) AS waiting,
    sum(CASE WHEN state = 'queued' THEN 1 ELSE 0 END) AS queued,
    sum(CASE WHEN state = 'in_progress' THEN 1 ELSE 0 END) AS in_progress,
    sum(CASE WHEN state = 'successful' THEN 1 ELSE 0 END) AS successful,
    sum(CASE WHEN state = 'failed' THEN 1 ELSE 0 END) AS failed,
    sum(CASE WHEN state = 'dead' THEN 1 ELSE 0 END) AS dead,
    sum(CASE WHEN state = 'cancelled' THEN 1 ELSE 0 END) AS cancelled,
    sum(CASE WHEN state = 'successful' AND started_at > queued_at THEN started_at - queued_at ELSE 0 END) AS waited,
    sum(CASE WHEN state = 'successful' AND finished_at > started_at THEN finished_at - started_at ELSE 0 END) AS ran
FROM jobs WHERE batch_id = :batch_id GROUP BY round, depth, stage, circuit_type
"""

# One page of a batch's jobs in the order of their place; the index of places gives it without a sort of all rows.
JOBS_OF_LINE = """
SELECT id, position, state, attempts, failures, worker, queued_at, started_at, finished_at, progress, progress_note,
    error_code, error
FROM jobs WHERE batch_id = :batch_id AND stage = :stage AND round = :round AND depth = :depth
    AND circuit_type = :circuit_type AND position >= :first
ORDER BY position LIMIT :limit
"""

QUEUES = """
SELECT stage, CASE WHEN round > 0 THEN 1 ELSE 0 END AS recursive, protocol_version, device,
    sum(CASE WHEN state = 'queued' THEN 1 ELSE 0 END) AS queued,
    sum(CASE WHEN state = 'failed' THEN 1 ELSE 0 END) AS failed,
    sum(CASE WHEN state = 'in_progress' THEN 1 ELSE 0 END) AS in_progress,
    sum(CASE WHEN state = 'queued' AND announced_at IS NULL THEN 1 ELSE 0 END) AS unannounced,
    min(CASE WHEN state = 'queued' THEN queued_at END) AS oldest
FROM jobs WHERE state IN ('queued', 'failed', 'in_progress')
GROUP BY stage, CASE WHEN round > 0 THEN 1 ELSE 0 END, protocol_version, device
ORDER BY stage, recursive, protocol_version, device
"""

# Who holds a job now, and who ended one lately.
HOLDERS = """
SELECT a.worker, a.host, a.device, a.zone, a.clock_skew, j.id AS job_id, j.batch_id, b.number, b.chain_id, j.stage,
    j.round, j.circuit_type, j.position, j.protocol_version, j.progress, j.progress_note, j.started_at, j.renewed_at,
    j.lease_expires_at
FROM jobs j JOIN attempts a ON a.token = j.lease_token JOIN batches b ON b.id = j.batch_id
WHERE j.state = 'in_progress' ORDER BY a.worker, j.id
"""

ENDED_LATELY = """
SELECT lately.*, newest.clock_skew FROM (
    SELECT a.worker, a.host, a.device, a.zone, j.stage, count(*) AS attempts, max(a.ended_at) AS ended_at,
        sum(CASE WHEN a.outcome = 'successful' THEN 1 ELSE 0 END) AS successful, max(a.id) AS newest
    FROM attempts a JOIN jobs j ON j.id = a.job_id WHERE a.ended_at >= {now} - :age
    GROUP BY a.worker, a.host, a.device, a.zone, j.stage
) AS lately JOIN attempts newest ON newest.id = lately.newest ORDER BY lately.worker, lately.newest DESC
"""

DEAD_JOBS = """
SELECT j.id, j.stage, j.round, j.position, j.attempts, j.error_code, j.error, j.finished_at, b.number, b.chain_id,
    b.id AS batch_id
FROM jobs j JOIN batches b ON b.id = j.batch_id WHERE j.state = 'dead' ORDER BY j.finished_at DESC, j.id LIMIT :limit
"""

UNSWEPT = """
SELECT count(*) AS jobs, {now} - min(lease_expires_at) AS age FROM jobs
WHERE state = 'in_progress' AND lease_expires_at < {now} - :grace
"""

RETRYING = """
SELECT j.id, j.stage, j.failures, j.error_code, j.error, j.available_at - {now} AS delay, b.number, b.chain_id
FROM jobs j JOIN batches b ON b.id = j.batch_id WHERE j.state = 'failed' ORDER BY j.failures DESC, j.id LIMIT :limit
"""

# Jobs that workers gave back because the artifact store is away, by what they met.
STORE_AWAY = """
SELECT count(*) AS jobs, {now} - min(queued_at) AS age, max(error) AS error FROM jobs
WHERE state = 'queued' AND error_code = 'store_unavailable'
"""

OTHER_KEYS = """
SELECT j.stage, j.key_identity, count(*) AS jobs, {now} - min(j.queued_at) AS age, max(j.error) AS error FROM jobs j
WHERE j.state = 'queued' AND j.error_code = 'other_keys' AND NOT EXISTS (SELECT 1 FROM jobs busy
    WHERE busy.state = 'in_progress' AND busy.stage = j.stage AND busy.key_identity = j.key_identity)
GROUP BY j.stage, j.key_identity ORDER BY j.stage, j.key_identity
"""

UNJUDGED = """
SELECT number, chain_id, state, error, {now} - finished_at AS age FROM batches
WHERE state = 'refused' OR (state = 'proven' AND finished_at < {now} - :grace) ORDER BY id
"""

TICKS = "SELECT task, {now} - made_at AS age, taken_by FROM ticks"

INSERTED_VERSIONS = "SELECT chain_id, protocol_version, key_identity FROM protocol_versions"

VERSIONS = """
SELECT chain_id, protocol_version, state, count(*) AS batches FROM batches GROUP BY chain_id, protocol_version, state
ORDER BY chain_id, protocol_version, state
"""

# Changes with every attempt that begins or ends and with every batch; each part is one probe of an index or a small
# table.
FINGERPRINT = """
SELECT (SELECT max(id) FROM attempts) AS begun, (SELECT max(ended_at) FROM attempts) AS ended,
    (SELECT max(id) FROM batches) AS newest, (SELECT max(finished_at) FROM batches
        WHERE state IN ('accepted', 'refused', 'cancelled')) AS finished,
    (SELECT count(*) FROM jobs WHERE state = 'dead') AS dead
"""
