"""``python -m broker.queues``: print the RabbitMQ definitions to import."""

from __future__ import annotations

import argparse
import json
import os
import sys

from broker.queues.definitions import definitions


def main() -> int:
    """Print the definitions; passwords come from the environment, so that no shell history keeps them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--vhost", default="hallmark")
    parser.add_argument("--user", default="hallmark")
    parser.add_argument("--consumer-timeout", action="store_true", help="add the policy (RabbitMQ 3.12 and later)")
    chosen = parser.parse_args()
    password = os.environ.get("RABBITMQ_PASSWORD", "")
    if not password:
        print("Set RABBITMQ_PASSWORD (and RABBITMQ_OBSERVER_PASSWORD) in the environment.", file=sys.stderr)
        return 2
    document = definitions(
        password=password,
        observer_password=os.environ.get("RABBITMQ_OBSERVER_PASSWORD", ""),
        user=chosen.user,
        vhost=chosen.vhost,
        consumer_timeout=chosen.consumer_timeout,
    )
    print(json.dumps(document, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
