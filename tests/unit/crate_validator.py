"""The validator of RO-Crates, without a network: what a crate fails of its profile."""

import io
import json
from pathlib import Path

import requests
import requests_cache
import urllib3
from rocrate import vocabs
from rocrate_validator import models, services

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
# rocrate has the context of a later version; these are called otherwise in 1.1
WORKFLOWS = {
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
}
# what 1.1 does not know must be brought by the crate itself
UNKNOWN = {"sha256"}


class _FromHere(requests.adapters.HTTPAdapter):
    """Answers every request with the context."""

    def send(self, request, **_):
        terms = {k: v for k, v in vocabs.RO_CRATE["@context"].items() if k not in UNKNOWN}
        body = json.dumps({"@context": terms | WORKFLOWS}).encode()
        raw = urllib3.HTTPResponse(
            io.BytesIO(body), {"Content-Type": "application/ld+json"}, 200, preload_content=False
        )
        return self.build_response(request, raw)


def problems(crate: Path, cache: Path) -> list[str]:
    """What the profile Workflow Run Crate requires and the crate does not have.

    Parameters
    ----------
    crate
        Folder.
    cache
        Path of a file to make, where the validator's offline mode finds the context.
    """
    session = requests_cache.CachedSession(cache_name=str(cache), backend="sqlite", expire_after=-1)
    session.mount("https://", _FromHere())
    session.get(CONTEXT, headers={"Accept": "application/ld+json, application/json, */*;q=0.1"})
    session.close()
    settings = services.ValidationSettings(
        rocrate_uri=str(crate),
        profile_identifier="workflow-run-crate",
        requirement_severity=models.Severity.REQUIRED,
        cache_path=cache,
        offline=True,
    )
    result = services.validate(settings)
    found = [f"{issue.check.identifier}: {issue.message}" for issue in result.get_issues()]
    assert result.passed() == (not found)
    return found
