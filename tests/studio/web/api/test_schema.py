"""The OpenAPI document keeps its word: Schemathesis asks every address what it may and may not, with a seed of ours."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.studio.processes import add_picture, opened, served

#: All that do not depend on what an order means: a request that the document allows may still be refused, with 422,
#: since only the studio knows whether a prompt has a path; and a job that was cancelled is still there.
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance"),
    *("response_schema_conformance", "negative_data_rejection", "unsupported_method"),
)


@pytest.mark.slow
def test_no_request_is_answered_with_a_fault_or_with_what_is_not_documented(tmp_path: Path) -> None:
    """Over pictures that nobody had to paint; what is queued is painted meanwhile, as it would be."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with opened(workspace) as (_, history):
        for words in ("a fox", "a ball"):
            add_picture(history, words)
    with served(workspace) as server:
        server.wait_for(lambda state: state["status"] == "healthy")
        address = f"http://127.0.0.1:{server.port}/api/v1/openapi.json"
        command = [sys.executable, "-m", "schemathesis.cli", "run", address, "--seed", "7", "--max-examples", "8"]
        command += ["--phases", "examples,coverage,fuzzing", "--request-timeout", "60"]  # a `wait` is 29 s at most
        done = subprocess.run(
            [*command, "--checks", ",".join(CHECKS), "--no-color"],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=900,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr
        assert "Traceback" not in server.log.read_text()
        assert server.health()[0] == 200
