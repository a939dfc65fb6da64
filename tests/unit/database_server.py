"""A server on loopback that speaks the shapes of NCBI, UniProt, Ensembl, GEO and Zenodo.

`trouble` is a list of what goes wrong, one entry a request, before the server behaves.
"""

import contextlib
import gzip
import hashlib
import http.server
import json
import random
import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from biornn import sources
from biornn.config_sources import DownloadConfig

PAGE = b"<!DOCTYPE html><title>s3cr3tK3y: down for maintenance</title>"
MATRIX = gzip.compress(b'!Series_title\t"made up"\n', mtime=0)
ZIP = b"not really a zip" * 100


def sequence(name, letters="ACGT", length=130):
    """The sequence of a made-up record."""
    return "".join(random.Random(name).choices(letters, k=length))


def genbank(accession, bases):
    """A record as NCBI writes it."""
    lines = [
        f"{start + 1:>9} " + " ".join(bases[start + i : start + i + 10] for i in range(0, 60, 10))
        for start in range(0, len(bases), 60)
    ]
    return (
        f"LOCUS       {accession.split('.')[0]:<16} {len(bases):>11} bp    DNA     linear   "
        "SYN 01-JAN-2020\n"
        f"DEFINITION  made up.\nACCESSION   {accession.split('.')[0]}\nVERSION     {accession}\n"
        "COMMENT     It was hard.\n            Failed to retrieve anything better.\n"
        "FEATURES             Location/Qualifiers\n"
        f'     source          1..{len(bases)}\n                     /organism="none"\n'
        "ORIGIN\n" + "\n".join(line.rstrip().lower() for line in lines) + "\n//\n\n"
    )


@dataclass
class State:
    """What the server has, what goes wrong, and what was asked of it."""

    records: dict = field(default_factory=dict)  # accession: version
    sequences: dict = field(default_factory=dict)  # accession: sequence, where it is not made up
    trouble: list = field(default_factory=list)
    asked: list = field(default_factory=list)  # (method, path, parameters)
    says_missing: str = "silent"  # or: words, status, spaced
    status: dict = field(default_factory=dict)  # accession.version: (status, successor)
    unknown: dict = field(default_factory=dict)  # what a search says of words that it ignored
    total_off: int = 0
    shuffle: bool = False
    query_finds: str = ""  # accessions that begin so

    def sequence(self, name, letters="ACGT"):
        return self.sequences.get(name) or sequence(name, letters)

    def find(self, name):
        """Accession with version of what a name stands for, or None."""
        base, _, version = name.partition(".")
        there = self.records.get(base)
        return f"{base}.{there}" if there and version in ("", str(there)) else None


class Handler(http.server.BaseHTTPRequestHandler):
    state: State

    def do_GET(self):
        self.handle_request({})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "json" in self.headers.get("Content-Type", ""):
            self.handle_request(json.loads(body))
        else:
            self.handle_request({key: value[0] for key, value in parse_qs(body.decode()).items()})

    def handle_request(self, sent):
        parts = urlsplit(self.path)
        asked = {key: value[0] for key, value in parse_qs(parts.query).items()} | sent
        state = self.state
        state.asked.append((self.command, self.path, asked))
        if state.trouble and (what := state.trouble.pop(0)):
            return self.fail(what, asked)
        path = unquote(parts.path)
        if path.endswith("/esearch.fcgi"):
            return self.esearch(asked)
        if path.endswith("/efetch.fcgi"):
            return self.efetch(asked)
        if path.endswith("/esummary.fcgi"):
            return self.esummary(asked)
        if path == "/uniprotkb/search":
            return self.uniprot(asked)
        if path == "/sequence/id":
            return self.ensembl(asked)
        if path == "/geo/series/GSE12nnn/GSE12345/matrix/GSE12345_series_matrix.txt.gz":
            return self.answer(MATRIX)
        if path == "/geo/series/GSEnnn/GSE7/suppl/GSE7_a (1).txt":
            return self.answer(b"counts\n")
        if path == "/api/records/42":
            return self.zenodo()
        if path == "/api/records/42/files/data.zip/content":
            return self.answer(ZIP)
        return self.answer(b"nothing here", 404)

    def answer(self, body, status=200, length=None, **headers):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(body)

    def fail(self, what, asked):
        if callable(what):
            what(self, asked)
        elif what == "html":
            self.answer(PAGE, Content_Type="text/html")
        elif what == "cut":
            self.answer(b">x y\nACG", length=500)
        elif what == "cut in line":  # as a proxy does that knows no length
            self.answer(f">{asked.get('id', '').split(',')[0]} x\nACG")
        elif what == "echo":  # a refusal that repeats all that it was sent
            self.answer(json.dumps({"error": "API key invalid", **asked}), 400)
        elif what == "429":
            self.answer(b'{"error":"API rate limit exceeded"}', 429, Retry_After="2")
        elif isinstance(what, int):
            self.answer(b"I can not: " + str(what).encode(), what)
        else:
            self.answer(what)

    # -- NCBI --------------------------------------------------------------------------------------

    def esearch(self, asked):
        names = [f"{name}.{version}" for name, version in self.state.records.items()]
        start, size = int(asked["retstart"]), int(asked["retmax"])
        count = len(names) if asked["term"] != "nothing" else 0
        page = names[start : start + size] if count else []
        result = {"count": str(count + (self.state.total_off if start else 0)), "idlist": page}
        self.answer(json.dumps({"header": {}, "esearchresult": result | self.state.unknown}))

    def esummary(self, asked):
        result = {"uids": []}
        for uid, name in enumerate(asked["id"].split(","), start=1):
            status, successor = self.state.status.get(name, ("live", ""))
            result["uids"].append(str(uid))
            result[str(uid)] = {
                "uid": str(uid), "caption": name.split(".")[0], "accessionversion": name,
                "status": status, "replacedby": successor,
            }  # fmt: skip
        self.answer(json.dumps({"header": {"type": "esummary"}, "result": result}))

    def efetch(self, asked):
        if self.command != "POST":
            return self.answer(b"POST, please", 405)
        names = asked["id"].split(",")
        if len(names) > 200:
            return self.answer(b"too many", 414)
        there = {name: self.state.find(name) for name in names}
        if gone := [name for name, found in there.items() if not found]:
            if self.state.says_missing == "status":
                return self.answer(f"Error: Failed to understand id: {gone[0]}", 400)
            if self.state.says_missing == "spaced":
                return self.answer(" ".join(f"Error: can not read id: {gone[0]}\n"), 400)
            if self.state.says_missing == "words":
                return self.answer(f"Failed to retrieve sequence: {gone[0]}\n")
        found = [name for name in there.values() if name]
        if self.state.shuffle:
            random.Random(1).shuffle(found)
        texts = []
        for name in found:
            bases = self.state.sequence(name, "ACGT" if asked["db"] == "nuccore" else "ACDEFGHIK")
            if asked["rettype"] == "fasta":
                lines = "\n".join(bases[i : i + 70] for i in range(0, len(bases), 70))
                texts.append(f">{name} made up, Error: none\n{lines}\n\n")
            else:
                texts.append(genbank(name, bases))
        return self.answer("".join(texts) or "\n", Content_Type="text/plain")

    # -- UniProt -----------------------------------------------------------------------------------

    def uniprot(self, asked):
        state = self.state
        if asked["query"].startswith("(active:true)"):
            wanted = {term.strip("()").partition(":")[2] for term in asked["query"].split()}
            names = [name for name in state.records if name in wanted]
        else:
            there = [name for name in state.records if name.startswith(state.query_finds)]
            names = [] if asked["query"] == "nothing" else there
        if state.shuffle:
            random.Random(1).shuffle(names)
        start, size = int(asked.get("cursor", "c0")[1:]), int(asked["size"])
        page = names[start : start + size]
        headers = {"X_Total_Results": str(len(names) + state.total_off)}
        if start + size < len(names):
            headers["Link"] = (
                "<https://rest.uniprot.invalid/uniprotkb/search?query=other&"
                f'cursor=c{start + size}&size=500>; rel="next"'
            )
        if asked["format"] == "fasta":
            body = "".join(
                f">sp|{name}|X_HUMAN Made up OS=Homo sapiens PE=1 SV={state.records[name]}\n"
                f"{state.sequence(name, 'ACDEFGHIK')}\n"
                for name in page
            )
        else:
            columns = asked["fields"].split(",")
            body = "\t".join(["Entry", *columns[1:]]) + "\n"
            body += "".join("\t".join([name, *("x" * len(columns[1:]))]) + "\n" for name in page)
        return self.answer(body, **headers)

    # -- Ensembl -----------------------------------------------------------------------------------

    def ensembl(self, asked):
        ids = asked["ids"]
        if len(ids) > 50:
            return self.answer(json.dumps({"error": "POST message too large"}), 400)
        gone = [name for name in ids if not self.state.records.get(name.split(".")[0])]
        if gone and self.state.says_missing == "status":
            return self.answer(json.dumps({"error": f"ID '{gone[0]}' not found"}), 400)
        items = [
            {
                "query": name,
                "id": name.split(".")[0],
                "version": self.state.records[name.split(".")[0]],
                "desc": f"chromosome:1 {asked['type']}",
                "molecule": "dna",
                "seq": self.state.sequence(name.split(".")[0]),
            }
            for name in ids
            if name not in gone
        ]
        return self.answer(json.dumps(items[::-1]), Content_Type="application/json")

    # -- Zenodo ------------------------------------------------------------------------------------

    def zenodo(self):
        digest = hashlib.md5(ZIP).hexdigest() if not self.state.total_off else "0" * 32
        file = {"key": "data.zip", "size": len(ZIP), "checksum": f"md5:{digest}"}
        self.answer(json.dumps({"id": 43 if self.state.shuffle else 42, "files": [file]}))

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serve(state):
    """Run the server; gives its address."""
    handler = type("Bound", (Handler,), {"state": state})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


class Database:
    """The server, a store, and a way to fetch a source with them."""

    def __init__(self, address, folder):
        self.folder = folder
        servers = dict.fromkeys(("ncbi", "uniprot", "ensembl", "geo", "zenodo"), address)
        self.settings = {"store": str(folder / "store"), "servers": servers, "attempts": 3}

    def config(self, **change):
        return DownloadConfig(**self.settings | change)

    def fetch(self, source, **change):
        """The bytes that came."""
        target = self.folder / "d" / "file"
        sources.fetch(source, target, self.config(**change))
        assert [path.name for path in target.parent.iterdir()] == ["file"]
        return target.read_bytes()
