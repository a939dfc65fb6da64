"""A SLURM of our own on this machine, for tests: `python tests/cluster/lab.py up` (or `down`).

Two CPU nodes and two GPU nodes that are all this machine, on loopback, without systemd. The GPUs
are null devices: SLURM hands them out, nothing computes on them. Needs root and Debian's packages
slurm-wlm and munge, which `up` installs. Everything is in one folder; besides it there are only two
links in /etc/slurm, which `down` removes: the executor's inner `srun` does not see SLURM_CONF.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

PACKAGES = ("slurm-wlm", "munge")
ETC = Path("/etc/slurm")
MUNGE = Path("/run/munge")
PORT = 27700
#: Nodes by partition, and the CPUs and MiB that each pretends to have.
NODES = {"cpu": ("cpu1", "cpu2"), "gpu": ("gpu1", "gpu2")}
CPUS, MEMORY, GPUS = 4, 9000, 2

_CONFIGURATION = """\
ClusterName=biornn
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
JobAcctGatherType=jobacct_gather/linux
ReturnToService=2
SchedulerParameters=sched_interval=2,batch_sched_delay=0,bf_interval=2
EnforcePartLimits=ALL
MinJobAge=3600
KillWait=10
SlurmdTimeout=15
"""


class NoLab(Exception):
    """Why there can be no SLURM here."""


#: What the machine may refuse: root in a container may make no devices, change no owners.
FAULTS = (NoLab, OSError, subprocess.SubprocessError, psutil.Error)


def folder() -> Path:
    """Where the lab keeps its state."""
    return Path(tempfile.gettempdir()) / "biornn-slurm-lab"


def up() -> None:
    """Install what is missing, start all daemons and wait until the nodes are ready.

    Raises
    ------
    NoLab
        When this machine can have none, or already has a SLURM of its own.
    """
    _install()
    place = folder()
    for name in ("", "state", *(f"spool-{node}" for node in _nodes())):
        (place / name).mkdir(parents=True, exist_ok=True)
        (place / name).chmod(0o755)
    _write_configuration(place)
    _start_munge(place)
    _start(place / "slurmctld.pid", ["slurmctld"])
    for node in _nodes():
        start_node(node)
    _wait(lambda: all(state(node).startswith("idle") for node in _nodes()), "the nodes are idle")


def attempt() -> str | None:
    """Start it; or say why there can be none here, which is no fault of what is tested with it."""
    try:
        up()
    except FAULTS as error:
        down()
        return str(error)
    return None


def down() -> None:
    """End every daemon, take the links away and remove the state, as far as it goes."""
    place = folder()
    with contextlib.suppress(*FAULTS):
        if _alive(place / "slurmctld.pid"):
            _call("scancel", "--user", "root", check=False)
            _wait(lambda: not _call("squeue", "--noheader", check=False), "the queue is empty", 20)
    for file in [*place.glob("slurmd-*.pid"), place / "slurmctld.pid", place / "munged.pid"]:
        with contextlib.suppress(*FAULTS):
            _end(file)
    for name in ("slurm.conf", "gres.conf"):
        with contextlib.suppress(OSError):
            if (ETC / name).is_symlink() and (ETC / name).readlink() == place / name:
                (ETC / name).unlink()
    shutil.rmtree(place, ignore_errors=True)


def start_node(node: str) -> None:
    """Start the slurmd of a node."""
    _start(folder() / f"slurmd-{node}.pid", ["slurmd", "-N", node])


def kill_node(node: str, jobs: list[str]) -> None:
    """Let a node die: its slurmd and the processes of the jobs on it, without a word."""
    lost = [int((folder() / f"slurmd-{node}.pid").read_text())]
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        if any(words.startswith(f"slurmstepd: [{job}.") for job in jobs):
            lost += [process.pid, *(child.pid for child in process.children(recursive=True))]
    for number in lost:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            pass


def state(node: str) -> str:
    """What SLURM says of a node: `idle`, `mixed`, `down*` …"""
    return _call("sinfo", "--noheader", "--nodes", node, "--format", "%T").split("\n")[0]


def _nodes() -> list[str]:
    return [node for nodes in NODES.values() for node in nodes]


def _install() -> None:
    if os.geteuid() != 0:
        raise NoLab("a SLURM for tests needs root")
    if shutil.which("slurmctld") and shutil.which("munged"):
        return
    if not shutil.which("apt-get"):
        raise NoLab("a SLURM for tests is installed by apt-get, which is not here")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *PACKAGES]
    for command in (install, ["apt-get", "update", "--quiet"], install):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0 and command is install:
            return
    raise NoLab(f"{' '.join(PACKAGES)} can't be installed: {done.stderr.strip()[-300:]}")


def _write_configuration(place: Path) -> None:
    for name in ("slurm.conf", "gres.conf"):
        there = ETC / name
        ours = there.is_symlink() and there.readlink() == place / name
        if (there.exists() or there.is_symlink()) and not ours:
            raise NoLab(f"{there} is there: this machine has a SLURM of its own")
    host = socket.gethostname().split(".")[0]
    lines = [_CONFIGURATION.format(host=host, folder=place, port=PORT)]
    devices = ["AutoDetect=off"]
    for number, node in enumerate(_nodes(), start=1):
        gpu = node in NODES["gpu"]
        lines.append(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={PORT + number} "
            f"CPUs={CPUS} RealMemory={MEMORY}{f' Gres=gpu:{GPUS}' if gpu else ''} State=UNKNOWN\n"
        )
        if gpu:
            paths = [place / f"device{index}" for index in range(GPUS)]
            for path in paths:
                if not path.exists():
                    os.mknod(path, 0o20666, os.makedev(1, 3))  # /dev/null's numbers
            devices.append(f"NodeName={node} Name=gpu File={','.join(map(str, paths))}")
    for partition, nodes in NODES.items():
        default = "YES" if partition == "cpu" else "NO"
        lines.append(f"PartitionName={partition} Nodes={','.join(nodes)} Default={default}\n")
    (place / "slurm.conf").write_text("".join(lines))
    (place / "gres.conf").write_text("\n".join(devices) + "\n")
    ETC.mkdir(exist_ok=True)
    for name in ("slurm.conf", "gres.conf"):
        if not (ETC / name).is_symlink():
            (ETC / name).symlink_to(place / name)


def _start_munge(place: Path) -> None:
    if _alive(place / "munged.pid"):
        return
    key = place / "munge.key"
    if not key.exists():
        key.touch(0o600)
        key.write_bytes(os.urandom(1024))
    MUNGE.mkdir(mode=0o755, exist_ok=True)
    shutil.chown(MUNGE, 0, 0)
    socket_file = MUNGE / "munge.socket.2"
    if socket_file.exists():
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(socket_file))
        except OSError:
            pass  # left by one that has ended
        else:
            raise NoLab("a munged is running: this machine has a SLURM of its own")
    for file in MUNGE.glob("munge.socket.2*"):
        file.unlink()
    files = {"key": key, "pid": place / "munged.pid", "log": place / "munged.log",
             "seed": place / "munge.seed"}  # fmt: skip
    options = [f"--{name}-file={path}" for name, path in files.items()]
    _call("munged", *options, f"--socket={socket_file}", "--force")


def _start(pid_file: Path, command: list[str]) -> None:
    if not _alive(pid_file):
        pid_file.unlink(missing_ok=True)
        _call(*command)
        _wait(lambda: _alive(pid_file), f"{command[0]} runs")


def _alive(pid_file: Path) -> bool:
    try:
        return psutil.pid_exists(int(pid_file.read_text()))
    except (FileNotFoundError, ValueError):
        return False


def _end(pid_file: Path) -> None:
    if not _alive(pid_file):
        return
    process = psutil.Process(int(pid_file.read_text()))
    process.terminate()
    try:
        process.wait(15)
    except psutil.TimeoutExpired:
        process.kill()


def _wait(ready, what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise NoLab(f"after {seconds:g} s it is not so that {what}; see {folder()}/*.log")
        time.sleep(0.2)


def _call(*command: str, check: bool = True) -> str:
    # a daemon must not hold the pipes of who started it
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output,
                              stderr=subprocess.STDOUT, check=False)  # fmt: skip
        output.seek(0)
        text = output.read().strip()
    if check and done.returncode:
        raise NoLab(f"{' '.join(command)}: {text}")
    return text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("up", "down"))
    try:
        {"up": up, "down": down}[parser.parse_args().what]()
    except NoLab as error:
        sys.exit(str(error))
