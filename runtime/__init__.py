"""The lowest floor: settings, logging, telemetry, errors, artifacts and wire types shared by every process."""
