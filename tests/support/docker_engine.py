#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docker_engine.py COMMAND...: runs a command with a docker engine of its own, which is gone afterwards
with all that it held, and with the base image of docker/Dockerfile in it. For machines where no engine
runs and no registry is reached: it takes root, and Debian's packages docker.io and debootstrap.

    python3 tests/support/docker_engine.py python3 tests/integration/docker_test.py
"""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cairn_process import CACHE, ROOT, run, wait_until  # noqa: E402

SUITE, MIRROR = "bookworm", "http://deb.debian.org/debian"
SOURCES = f"""Types: deb
URIs: {MIRROR}
Suites: {SUITE} {SUITE}-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: {MIRROR}-security
Suites: {SUITE}-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt/archives", "var/lib/apt/lists")


def base_images():
    """What the Dockerfile is built of, without the stages that it builds itself."""
    text = (ROOT / "docker/Dockerfile").read_text()
    return sorted(set(re.findall(r"^FROM (\S+)", text, re.M)) - set(re.findall(r"^FROM \S+ AS (\S+)", text, re.M)))


def bootstrap(directory):
    """Debian's slim image, near enough, as a file that is kept for the next time."""
    kept = CACHE / f"{SUITE}-slim.tar"
    if kept.exists():
        return kept
    root = directory / "root"
    run("debootstrap", "--variant=minbase", SUITE, root, MIRROR, seconds=900)
    (root / "etc/apt/sources.list").write_text("")
    (root / "etc/apt/sources.list.d/debian.sources").write_text(SOURCES)
    for path in LEFT_OUT:
        shutil.rmtree(root / path, ignore_errors=True)
        (root / path).mkdir()
    CACHE.mkdir(parents=True, exist_ok=True)
    run("tar", "-C", root, "-cf", directory / "base.tar", ".", seconds=300)
    shutil.move(directory / "base.tar", kept)
    return kept


@contextlib.contextmanager
def engine():
    """The environment of commands that use it. What any engine adds to the host's firewall stays there."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cairn-docker-"))
    address = f"unix://{directory}/socket"
    environment = {**os.environ, "DOCKER_HOST": address, "DOCKER_BUILDKIT": "0"}
    with open(directory / "log", "wb") as log:
        daemon = subprocess.Popen(
            [shutil.which("dockerd", path=os.environ["PATH"] + ":/usr/sbin"), "--host", address,
             "--data-root", directory / "data", "--exec-root", directory / "run", "--pidfile", directory / "pid"],
            stdout=log, stderr=log)
    try:
        wait_until(lambda: daemon.poll() is not None or
                   subprocess.run(["docker", "version"], env=environment, capture_output=True).returncode == 0,
                   60, "the engine answers")
        if daemon.poll() is not None:
            sys.exit(f"dockerd ended:\n{(directory / 'log').read_text()[-2000:]}")
        for image in base_images():
            run("docker", "import", bootstrap(directory), image, env=environment, seconds=300)
        yield environment
    finally:
        daemon.terminate()
        daemon.wait(60)
        shutil.rmtree(directory, ignore_errors=True)


def main():
    with engine() as environment:
        code = subprocess.run(sys.argv[1:], env=environment).returncode
    sys.exit(code)


if __name__ == "__main__":
    main()
