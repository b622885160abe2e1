"""A private MariaDB of Debian's binaries for the tests of backups: in a folder of its own, on a socket there and nowhere else."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.databases import NoDatabase

START_SECONDS = 40.0
QUICK = ("--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=32M", "--skip-log-bin")


def _binary(*names: str) -> str:
    for name in names:
        if found := shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin"):
            return found
    raise NoDatabase(f"{names[0]} is not installed (Debian: apt install mariadb-server)")


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The address of an empty database in a server that lives as long as the block."""
    install, daemon = _binary("mariadb-install-db", "mysql_install_db"), _binary("mariadbd", "mysqld")
    folder = Path(tempfile.mkdtemp(prefix="scrm-my-", dir="/tmp"))
    account = pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0:
        account = "mysql"
        os.chown(folder, pwd.getpwnam(account).pw_uid, pwd.getpwnam(account).pw_gid)
    socket = folder / "socket"
    common = ["--no-defaults", f"--user={account}", f"--datadir={folder}/data"]
    making = [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"]
    done = subprocess.run(making, capture_output=True, text=True, cwd="/")
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise RuntimeError(f"mariadb-install-db failed: {done.stderr[-500:]}{done.stdout[-300:]}")
    with (folder / "log").open("ab") as log:
        command = [daemon, *common, f"--socket={socket}", "--skip-networking", f"--pid-file={folder}/pid", *QUICK]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", start_new_session=True)
    try:
        _wait(socket, process, folder / "log")
        yield f"mysql://root@localhost/scrm?unix_socket={socket}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(socket: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    import pymysql

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with pymysql.connect(user="root", unix_socket=str(socket)) as connection, connection.cursor() as cursor:
                cursor.execute("CREATE DATABASE scrm")
        except pymysql.MySQLError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"MariaDB did not start: {log.read_text()[-800:]}") from None
            time.sleep(0.1)
        else:
            return
