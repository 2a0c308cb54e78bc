"""What a disk would hold if the power failed between any two calls of a command, by the order of its system calls.

Until a file is flushed (fsync), a machine that stops may lose its content, though not its name. So each file has to be
flushed after its last write and before it gets its name, and the folder after that.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_CALLS = "openat,creat,write,pwrite64,writev,ftruncate,fsync,fdatasync,rename,renameat,renameat2,mkdir,unlink,unlinkat"
_CALL = re.compile(r"^(?:\d+\s+)?(\w+)\((.*)\)\s+= (\d+)")
_FILE = re.compile(r"\d+<([^>]*)>")
_PATH = re.compile(r'"([^"]*)"')


def traced(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> list[str]:
    """Runs a command under strace, and returns its calls on files below a folder, in order.

    Args:
        command: with its arguments.
        folder: below which files count.
        environment: additional variables.

    Raises:
        FileNotFoundError: when strace is not installed.
        RuntimeError: when the command fails.
    """
    log = folder.with_name(f"{folder.name}.strace")
    options = [
        "-f",
        "--seccomp-bpf",
        "-y",
        "-qq",
        "-s",
        "4096",
        "-e",
        f"trace={_CALLS}",
        "-e",
        "signal=none",
        "-o",
        str(log),
    ]
    variables = os.environ | dict(environment or {})
    ended = subprocess.run(["strace", *options, *command], capture_output=True, text=True, env=variables)
    if ended.returncode:
        raise RuntimeError(f"Expected exit code 0 of {list(command)}. Received: {ended.returncode}: {ended.stderr}")
    with log.open(errors="replace") as file:
        return [line for line in joined(file) if str(folder) in line]


def joined(lines: Iterable[str]) -> Iterable[str]:
    """Joins the two halves of calls that another thread interrupted, where they end."""
    begun: dict[str, str] = {}
    for line in lines:
        thread = line.split(maxsplit=1)[0]
        if line.rstrip().endswith("<unfinished ...>"):
            begun[thread] = line.rpartition("<unfinished")[0].rstrip()
        elif " resumed>" in line:
            yield begun.pop(thread, thread) + line.partition(" resumed>")[2]
        else:
            yield line


def lost(calls: Iterable[str], folder: Path, names: str = r".*", lists: str = r"checkpoint") -> tuple[list[str], int]:
    """The files that a power cut could leave without their content, or without their name.

    Args:
        calls: of strace with -y, see `traced`.
        folder: below which files count.
        names: a regular expression of the names that count, once they are renamed; of all by default.
        lists: one of those that name other files, so that all files of their folder must be on the disk before.

    Returns:
        A sentence for each file, and the number of files and folders that got their names.
    """
    unflushed: set[str] = set()
    unnamed: dict[str, str] = {}  # the folder by the file that was renamed into it
    faults, renamed = [], 0
    for line in calls:
        if not (found := _CALL.match(line)):
            continue
        call, arguments = found[1], found[2]
        if call in ("write", "pwrite64", "writev", "ftruncate") and (file := _FILE.match(arguments)):
            unflushed.add(file[1])
        elif call in ("fsync", "fdatasync") and (file := _FILE.match(arguments)):
            unflushed.discard(file[1])
            unnamed = {path: parent for path, parent in unnamed.items() if parent != file[1]}
        elif call.startswith("unlink") and (paths := _PATH.findall(arguments)):
            unflushed.discard(paths[-1])
        elif call.startswith("rename") and len(paths := _PATH.findall(arguments)) == 2:
            source, target = paths
            if str(folder) in target and re.fullmatch(names, Path(target).name):
                renamed += 1
                inside = [path for path in unflushed if path == source or path.startswith(f"{source}/")]
                if re.fullmatch(lists, Path(target).name):
                    inside += [path for path in unflushed if Path(path).parent == Path(target).parent]
                faults += [f"{target} gets its name before {path} is flushed" for path in inside]
                unnamed[target] = str(Path(target).parent)
            unflushed = {path.replace(source, target, 1) if path.startswith(source) else path for path in unflushed}
    return faults + [f"the name of {path} is not flushed" for path in unnamed], renamed
