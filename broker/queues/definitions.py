"""What a RabbitMQ node needs before the first worker connects: vhost, users, permissions and policies.

Import with ``rabbitmqctl import_definitions FILE`` or ``load_definitions`` in ``rabbitmq.conf``. Queues are left to
the workers.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

from broker.queues.names import QUEUES

#: Deliveries of one message after which it is dead-lettered; a message is only a hint, so few suffice.
DELIVERY_LIMIT = 5
#: Milliseconds that a delivery may stay unacknowledged: the longest stage, three times over.
CONSUMER_TIMEOUT_MS = 6 * 3600 * 1000


def password_hash(password: str, salt: bytes | None = None) -> str:
    """Return the hash RabbitMQ stores: ``base64(salt || SHA-256(salt || password))`` with 4 bytes of salt."""
    salt = salt or secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def definitions(
    *,
    password: str,
    observer_password: str = "",
    user: str = "hallmark",
    vhost: str = "hallmark",
    tags: str = "",
    consumer_timeout: bool = False,
) -> dict[str, Any]:
    """Return the document to import.

    Parameters
    ----------
    password
        Of the application's user, which has no tag and all permissions in its vhost.
    observer_password
        When given, adds the user ``observer``, who sees everything in the console and can read no message.
    consumer_timeout
        Add the ``consumer-timeout`` policy; servers before 3.12 refuse it.
    """
    users = [_user(user, password, tags)]
    permissions = [{"user": user, "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"}]
    if observer_password:
        users.append(_user("observer", observer_password, "monitoring"))
        permissions.append({"user": "observer", "vhost": vhost, "configure": "^$", "write": "^$", "read": "^$"})
    policy: dict[str, Any] = {"delivery-limit": DELIVERY_LIMIT}
    if consumer_timeout:
        policy["consumer-timeout"] = CONSUMER_TIMEOUT_MS
    pattern = "^(" + "|".join(name.replace(".", r"\.") for name in QUEUES) + ")$"
    return {
        "vhosts": [{"name": vhost}],
        "users": users,
        "permissions": permissions,
        "policies": [
            {
                "vhost": vhost,
                "name": "hallmark-stages",
                "pattern": pattern,
                "apply-to": "queues",
                "definition": policy,
                "priority": 0,
            }
        ],
    }


def _user(name: str, password: str, tags: str) -> dict[str, str]:
    algorithm = "rabbit_password_hashing_sha256"
    return {"name": name, "password_hash": password_hash(password), "hashing_algorithm": algorithm, "tags": tags}
