"""Whether the studio in this container is well: exit 0 or 1, with a line that says how it is.

Reads the JSON of /health, since an address the studio does not know answers 200 and a page. Loading and set-up count
as well: they end by themselves, and a container that is replaced meanwhile would never get there.
"""

import http.client
import json
import os
import sys

WELL = ("healthy", "loading", "degraded")


def main() -> int:
    said = os.environ.get("STUDIO_PORT") or os.environ.get("GRADIO_SERVER_PORT") or "7860"
    port = int(said.strip().strip("\"'"))  # docker's --env-file keeps quotes
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        health = json.load(connection.getresponse())
        status = health["status"]
    except (OSError, ValueError, TypeError, KeyError, http.client.HTTPException) as exc:
        print(f"/health on port {port} does not answer as the studio does: {type(exc).__name__}")
        return 1
    print(f"{status}: {health.get('error', health.get('model', ''))}")
    return 0 if status in WELL else 1


if __name__ == "__main__":
    sys.exit(main())
