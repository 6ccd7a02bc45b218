"""Real PostgreSQL, RabbitMQ, S3, Prometheus, Chromium, shells for tests: ports, folders and names are their own.

Servers run unprivileged. ``tools/install_servers.sh`` puts the binaries where :func:`find_postgresql` and its like
look. A test that needs one which is not there is skipped with that command as the reason, and fails when ``CI=true``.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import http.client
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

import pytest

HINT = "run tools/install_servers.sh"
START_SECONDS = 90.0


def unpacked() -> Path:
    """Folder into which ``tools/install_servers.sh`` unpacks; resolved, because servers ask where they lie."""
    return (Path(__file__).parent.parent / ".hallmark" / "servers" / "root").resolve()


def unpacked_libraries() -> dict[str, str]:
    """Return the variable by which unpacked binaries find the libraries that were unpacked beside them."""
    # Some libraries look for their own parts at an absolute path; some packages of Debian 12 still unpack to /lib.
    places = ("usr/lib/*-linux-gnu", "lib/*-linux-gnu", "usr/lib/*-linux-gnu/pulseaudio")
    folders = sorted(str(path) for place in places for path in unpacked().glob(place))
    return {"LD_LIBRARY_PATH": ":".join(folders)} if folders else {}


def find_postgresql() -> Path | None:
    """Return the folder that holds ``initdb`` and ``postgres``."""
    folders = [path for root in (Path("/"), unpacked()) for path in sorted(root.glob("usr/lib/postgresql/*/bin"))]
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


def find_rabbitmq() -> tuple[Path, Path] | None:
    """Return the folders of RabbitMQ's scripts and of Erlang's launchers."""
    for root in (Path("/"), unpacked()):
        scripts = sorted(root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"))
        erlang = root / "usr/lib/erlang/bin"
        if scripts and (erlang / "erl").exists():
            return scripts[-1], erlang
    return None


def find_prometheus(program: str = "prometheus") -> Path | None:
    """Return Prometheus' server, or another program of its package (``promtool``)."""
    on_path = shutil.which(program)
    found = Path(on_path) if on_path else unpacked() / "usr/bin" / program
    return found if found.exists() else None


def find_chromium() -> Path | None:
    """Return a browser of Debian's packages that opens no window."""
    names = ("chromium-headless-shell", "chromium")
    places = [root / "usr/lib/chromium" / name for root in (Path("/"), unpacked()) for name in names]
    return next((place for place in places if place.exists()), None)


def find_shell(name: str) -> Path | None:
    """Return ``zsh`` or ``fish``."""
    on_path = shutil.which(name)
    places = [Path(on_path)] if on_path else [unpacked() / "bin" / name, unpacked() / "usr/bin" / name]
    return next((place for place in places if place.exists()), None)


def missing(what: str) -> NoReturn:
    """Skip the test because a server is absent; fail it in CI, where everything must have run."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{what} is not installed: {HINT}")
    pytest.skip(f"{what} is not installed: {HINT}")


def free_port() -> int:
    """Return a port of the loopback interface that nothing has.

    It lies below those that the system gives to outgoing connections: a server that is stopped and started again on its
    port must not find somebody's connection there.
    """
    for _ in range(100):
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


class Server:
    """A server process with a folder of its own, run as ``nobody`` when the tests run as root."""

    def __init__(self, name: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"hallmark-{name}-"))
        self.user: str | None = "nobody" if os.geteuid() == 0 else None
        self.process: subprocess.Popen[bytes] | None = None
        self.own(self.folder)

    def own(self, path: Path) -> None:
        """Give a path to the user that the server runs as."""
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(path, account.pw_uid, account.pw_gid)

    def write(self, name: str, text: str, mode: int = 0o600) -> Path:
        """Write a file that the server may read."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        self.own(path)
        return path

    def run(self, *command: str, **environment: str) -> None:
        """Run a command to its end as the server's user."""
        done = subprocess.run(command, capture_output=True, **self._options(environment), check=False)
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stdout.decode()[-2000:]}{done.stderr.decode()[-2000:]}")

    def spawn(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a process in a session of its own, its output in the folder's ``log``."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                **self._options(environment),
            )

    def wait(self, ready: Any, what: str) -> None:
        """Wait until ``ready()`` is true."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                if ready():
                    return
            time.sleep(0.1)
        raise RuntimeError(f"{what} did not start:\n{(self.folder / 'log').read_text()[-4000:]}")

    def kill(self, sent: signal.Signals = signal.SIGKILL) -> None:
        """End the process and everything in its session."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, sent)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(10)
            self.process = None

    def remove(self) -> None:
        """Remove the server's folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _options(self, environment: dict[str, str]) -> dict[str, Any]:
        variables = {**os.environ, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", **unpacked_libraries(), **environment}
        options: dict[str, Any] = {"cwd": self.folder, "env": variables}
        if self.user:
            options |= {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []}
        return options


class PostgreSQL(Server):
    """A PostgreSQL cluster that trusts nobody without its password.

    Parameters
    ----------
    durable
        Sync every commit to the disk and take the memory that a small installation gives it, for measuring.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.durable = durable
        found = find_postgresql()
        if found is None:
            missing("PostgreSQL")
            raise AssertionError
        super().__init__("postgresql")
        self.bin, self.port, self.password = found, free_port(), secrets.token_hex(8)
        # An unpacked installation finds its libraries and share folder relative to its binaries.
        password = self.write("password", self.password)
        self.run(
            *(str(self.bin / "initdb"), "-D", str(self.folder / "data"), "-U", "hallmark", "-A", "scram-sha-256"),
            *("--pwfile", str(password), "-E", "UTF8", "--locale", "C", "-N"),
        )
        self.start()

    def start(self) -> None:
        """Start the cluster and wait until it answers."""
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
        }
        settings |= {"max_connections": "100"}
        settings |= {"shared_buffers": "512MB"} if self.durable else {"fsync": "off", "shared_buffers": "32MB"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.process = self.spawn(str(self.bin / "postgres"), "-D", str(self.folder / "data"), *options)
        self.wait(self._answers, "PostgreSQL")

    def stop(self) -> None:
        """Shut the cluster down, closing every connection."""
        self.kill(signal.SIGINT)

    def url(self, database: str = "postgres", password: str | None = None) -> str:
        """Return the URL of a database in the cluster."""
        return f"postgresql://hallmark:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """Create an empty database and return its URL."""
        import psycopg

        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        return self.url(name)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


class RabbitMQ(Server):
    """A RabbitMQ node with the vhost, users and policies of ``broker.queues.definitions``."""

    def __init__(self) -> None:
        found = find_rabbitmq()
        if found is None:
            missing("RabbitMQ")
            raise AssertionError
        super().__init__("rabbitmq")
        self.scripts, self.erlang = found
        self.port, self.management_port, self.password = free_port(), free_port(), secrets.token_hex(8)
        self.epmd_port, self.node = free_port(), f"hallmark{secrets.token_hex(4)}@localhost"
        self.epmd: subprocess.Popen[bytes] | None = None
        self.vhost = "hallmark"
        self._configure()
        self.start()

    def start(self) -> None:
        """Start the node and wait until its console answers."""
        epmd = next(self.erlang.parent.glob("erts-*/bin/epmd"))
        self.epmd = self.spawn(str(epmd), "-port", str(self.epmd_port), "-address", "127.0.0.1")
        self.process = self.spawn(str(self.scripts / "rabbitmq-server"), **self.environment())
        self.wait(lambda: self.api("GET", f"vhosts/{self.vhost}")["name"] == self.vhost and self._listens(), "RabbitMQ")

    def stop(self) -> None:
        """Stop the node (its queues are durable) and its port mapper."""
        self.kill(signal.SIGTERM)
        if self.epmd is not None:
            self.epmd.kill()
            self.epmd.wait(10)
            self.epmd = None

    def restart(self) -> None:
        """Stop and start the node; every connection is lost."""
        self.stop()
        self.start()

    def url(self, password: str | None = None, vhost: str | None = None) -> str:
        """Return the AMQP URL of the application's user."""
        return (
            f"amqp://hallmark:{password or self.password}@127.0.0.1:{self.port}/{quote(vhost or self.vhost, safe='')}"
        )

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Call the management API and return its JSON answer, or ``None`` for an empty one."""
        connection = http.client.HTTPConnection("127.0.0.1", self.management_port, timeout=10)
        authorization = base64.b64encode(f"hallmark:{self.password}".encode()).decode()
        try:
            headers = {"Authorization": f"Basic {authorization}", "Content-Type": "application/json"}
            connection.request(method, f"/api/{path}", json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise OSError(f"{method} {path}: {answer.status} {text[:500]!r}")
        return json.loads(text) if text else None

    def close_connections(self, containing: str = "") -> int:
        """Close the connections whose name contains a text, as an operator would from the console."""
        closed = 0
        for connection in self.api("GET", "connections"):
            name = connection.get("client_properties", {}).get("connection_name", "")
            if containing in name:
                with contextlib.suppress(OSError):
                    self.api("DELETE", f"connections/{quote(connection['name'], safe='')}")
                    closed += 1
        return closed

    def purge(self) -> None:
        """Drop the messages of every queue."""
        for queue in self.api("GET", f"queues/{self.vhost}"):
            self.api("DELETE", f"queues/{self.vhost}/{quote(queue['name'], safe='')}/contents")

    def control(self, *arguments: str) -> None:
        """Run ``rabbitmqctl`` on this node."""
        self.run(str(self.scripts / "rabbitmqctl"), "-n", self.node, *arguments, **self.environment())

    def environment(self) -> dict[str, str]:
        """Return the variables that keep this node apart from every other one."""
        folder = str(self.folder)
        return {
            "PATH": f"{self.erlang}:{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/logs",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/absent-env.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            # A bare root file system has no /etc/hosts; Erlang then knows no localhost.
            "ERL_INETRC": f"{folder}/inetrc",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }

    def _configure(self) -> None:
        from broker.queues.definitions import definitions

        self.write("inetrc", '{host, {127,0,0,1}, ["localhost"]}.\n{lookup, [file, native]}.\n')
        self.write(".erlang.cookie", secrets.token_hex(16), 0o400)
        self.write("enabled_plugins", "[rabbitmq_management].\n")
        wanted = definitions(password=self.password, tags="administrator", vhost=self.vhost)
        self.write("definitions.json", json.dumps(wanted))
        self.write(
            "rabbitmq.conf",
            f"listeners.tcp.default = 127.0.0.1:{self.port}\n"
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {self.management_port}\n"
            f"load_definitions = {self.folder}/definitions.json\n"
            "loopback_users = none\ncollect_statistics_interval = 1000\nvm_memory_high_watermark.absolute = 1GB\n"
            "disk_free_limit.absolute = 50MB\nlog.console = true\nlog.console.level = info\n",
        )

    def _listens(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), 2):
            return True


class ObjectStore(Server):
    """An S3 server (moto) with everything in memory; it takes any key."""

    def __init__(self) -> None:
        super().__init__("s3")
        # It runs from the tests' own virtual environment, which other users may not be able to enter.
        self.user = None
        self.port = free_port()
        self.start()

    def start(self) -> None:
        """Start the server, empty, and wait until it answers."""
        self.process = self.spawn(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port))
        self.wait(lambda: self._asked("GET", "/") == 200, "the S3 server")

    def create_bucket(self) -> str:
        """Create an empty bucket and return its name."""
        name = f"test-{secrets.token_hex(6)}"
        if (status := self._asked("PUT", f"/{name}")) != 200:
            raise RuntimeError(f"the bucket was not made: {status}")
        return name

    @property
    def endpoint(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self.port}"

    def variables(self, endpoint: str = "") -> dict[str, str]:
        """Return the settings of an artifact store in a bucket of its own."""
        return {
            "HALLMARK_STORE_URL": f"s3://{self.create_bucket()}/artifacts",
            "HALLMARK_STORE_ENDPOINT": endpoint or self.endpoint,
            "HALLMARK_STORE_ACCESS_KEY": "tester",
            "HALLMARK_STORE_SECRET_KEY": "not secret",
        }

    def _asked(self, method: str, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path)
            return connection.getresponse().status
        finally:
            connection.close()


class Prometheus(Server):
    """A Prometheus with a configuration that it is given; everything else is in its folder."""

    def __init__(self, configuration: str, rules: str) -> None:
        found = find_prometheus()
        if found is None:
            missing("Prometheus")
            raise AssertionError
        super().__init__("prometheus")
        self.port = free_port()
        self.write("alerts.yml", rules)
        written = self.write("prometheus.yml", configuration)
        options = {
            "config.file": written,
            "storage.tsdb.path": self.folder / "data",
            "web.listen-address": f"127.0.0.1:{self.port}",
            "log.level": "warn",
        }
        self.process = self.spawn(str(found), *(f"--{name}={value}" for name, value in options.items()))
        self.wait(lambda: self.asked("status/buildinfo"), "Prometheus")

    def asked(self, path: str, **parameters: str) -> Any:
        """Return the data that its API answers with."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", f"/api/v1/{path}?{urlencode(parameters)}")
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if answer["status"] != "success":
            raise OSError(f"{path} {parameters}: {answer}")
        return answer["data"]


#: Ends the servers of this process and removes their folders. That takes longer than a worker of the tests is given to
#: exit, so that the session does it (`tests/conftest.py`); what runs without one does it at exit.
ENDING = contextlib.ExitStack()
atexit.register(ENDING.close)


def _until_the_end(server: Server, stop: Callable[[], object]) -> None:
    ENDING.callback(server.remove)
    ENDING.callback(stop)


@functools.cache
def shared_object_store() -> ObjectStore:
    """Return this process's S3 server, started on first use and removed at the end."""
    server = ObjectStore()
    _until_the_end(server, server.kill)
    return server


@functools.cache
def shared_postgresql() -> PostgreSQL:
    """Return this process's cluster, started on first use and removed at the end."""
    server = PostgreSQL()
    _until_the_end(server, server.stop)
    return server


@functools.cache
def shared_rabbitmq() -> RabbitMQ:
    """Return this process's node, started on first use and removed at the end."""
    server = RabbitMQ()
    _until_the_end(server, server.stop)
    return server


@pytest.fixture(scope="session")
def postgresql() -> PostgreSQL:
    """A PostgreSQL cluster for the session."""
    return shared_postgresql()


@pytest.fixture(scope="session")
def rabbitmq() -> RabbitMQ:
    """A RabbitMQ node for the session."""
    return shared_rabbitmq()


@pytest.fixture(scope="session")
def object_store() -> ObjectStore:
    """An S3 server for the session."""
    return shared_object_store()
