"""A run on a machine that has no network at all, after a fetch on one that has."""

import functools
import hashlib
import http.server
import shutil
import subprocess
import sys
import threading

import pytest
from workflow_copy import ONE_MODEL

APART = ["unshare", "--net", "--"]
CONNECT = "import socket; socket.create_connection(('192.0.2.1', 80), 5)"


def why_not_apart() -> str:
    """Why no process can be put into a network of its own here; empty when it can."""
    if shutil.which("unshare") is None:
        return "unshare (util-linux) is not installed"
    done = subprocess.run([*APART, "true"], capture_output=True, text=True, check=False)
    return done.stderr.strip()


@pytest.mark.slow
@pytest.mark.skipif(bool(why_not_apart()), reason=f"no network namespace: {why_not_apart()}")
def test_fetch_then_a_run_in_a_namespace_without_a_route(workflow):
    place = workflow.folder / "served"
    place.mkdir()
    table = workflow.folder / "data/tiny.csv"
    digest = hashlib.sha256(table.read_bytes()).hexdigest()
    table.rename(place / "tiny.csv")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(place))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}/tiny.csv"
    (workflow.folder / "config/analyses/tiny.yaml").write_text(ONE_MODEL)
    workflow.edit(
        "config/analyses/tiny.yaml",
        "first: {type: path, path: data/tiny.csv}",
        f"first: {{type: url, url: '{address}', file: tiny.csv, sha256: {digest}}}",
    )
    fetched = workflow.run("fetch")
    server.shutdown()
    assert fetched.returncode == 0, fetched.stdout
    shutil.rmtree(place)

    done = subprocess.run([*APART, sys.executable, "-c", CONNECT], capture_output=True, text=True)
    assert "Network is unreachable" in done.stderr  # there is no way out of it
    outcome = subprocess.run(
        [*APART, sys.executable, "-m", "snakemake", "--cores", "2", "results/tiny/metrics.tsv",
         "--config", 'download={"offline": true}'],
        cwd=workflow.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        check=False, timeout=1000,
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stdout
    assert (workflow.results / "metrics.tsv").exists()
