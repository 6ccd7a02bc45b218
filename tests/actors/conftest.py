"""Clusters of real processes, embedded and on servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.actors.cluster import Cluster
from tests.servers import postgresql, rabbitmq, shared_postgresql, shared_rabbitmq

__all__ = ["postgresql", "rabbitmq"]

MakeCluster = Callable[..., Cluster]

#: For tests of what has little to do with queue and database: without servers, and among the long tests on them.
mostly_embedded = pytest.mark.parametrize(
    "make_cluster", ["embedded", pytest.param("servers", marks=pytest.mark.long)], indirect=True
)
#: For tests of several processes at once: on servers, and among the long tests without.
mostly_on_servers = pytest.mark.parametrize(
    "make_cluster", ["servers", pytest.param("embedded", marks=pytest.mark.long)], indirect=True
)


def server_variables() -> dict[str, str]:
    """Variables that choose RabbitMQ (emptied) and a fresh PostgreSQL database."""
    node = shared_rabbitmq()
    node.purge()
    return {"HALLMARK_DATABASE_URL": shared_postgresql().create_database(), "HALLMARK_BROKER_URL": node.url()}


@pytest.fixture(params=["embedded", "servers"])
def make_cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeCluster]:
    """A function that makes a cluster, which is stopped afterwards."""
    made: list[Cluster] = []

    def make(**variables: str) -> Cluster:
        chosen = server_variables() if request.param == "servers" else {}
        made.append(Cluster(tmp_path, **{**chosen, **variables}))
        return made[-1]

    yield make
    for cluster in made:
        cluster.stop()


@pytest.fixture
def on_servers(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster on RabbitMQ and PostgreSQL."""
    cluster = Cluster(tmp_path, **server_variables())
    yield cluster
    cluster.stop()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster without any server."""
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.stop()
