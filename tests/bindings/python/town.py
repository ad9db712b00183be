"""Headquarters with its demonstration data, and phones of its workers, for the contract tests.

The library and the program are the built ones: LANEWALK names the program, LANEWALK_FFI the library.
"""

import os
import queue
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).resolve().parents[3]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
PROGRAM = os.environ.get("LANEWALK", str(TARGET / "lanewalk"))
LIBRARY = Path(os.environ.get("LANEWALK_FFI", TARGET / "liblanewalk_ffi.so"))
WAIT = 20
"""Seconds after which something that should have come has not."""


def load():
    """Imports the generated module beside the library it loads."""
    beside = Path(tempfile.mkdtemp(prefix="lanewalk-ffi-"))
    shutil.copy(ROOT / "bindings/generated/python/lanewalk.py", beside)
    (beside / LIBRARY.name).symlink_to(LIBRARY)
    sys.path.insert(0, str(beside))
    import lanewalk

    return lanewalk


lw = load()


class Keys(lw.KeyStore):
    def __init__(self, key=b"\x07" * 32):
        self.key = key

    def store_key(self):
        return self.key


class Signer(lw.DeviceSigner):
    """A P-256 key as Android gives it: SubjectPublicKeyInfo and DER."""

    def __init__(self, secret=None):
        self.secret = secret or ec.generate_private_key(ec.SECP256R1())

    def public_key(self):
        der, spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return self.secret.public_key().public_bytes(der, spki)

    def sign(self, message):
        return self.secret.sign(bytes(message), ec.ECDSA(hashes.SHA256()))


class Line(lw.Connectivity):
    """A network that a test switches."""

    def __init__(self):
        self.now = lw.Network.UNMETERED

    def network(self):
        return self.now


class Log(lw.LogSink):
    def __init__(self):
        self.lines = []

    def log(self, level, line):
        self.lines.append(line)


class Here(lw.Position):
    def __init__(self, fix=None):
        self.fix = fix

    def last_fix(self):
        return self.fix


def heard(listener):
    """Makes a listener of a class that keeps what it is told."""

    class Heard(listener):
        def __init__(self):
            self.told = queue.Queue()

        def changed(self, update):
            self.told.put(update)

        def next(self):
            return self.told.get(timeout=WAIT)

    return Heard()


def all_rows(**changed):
    return lw.ListQuery(**{"limit": 1000, **changed})


def picture(path, width=640, height=480):
    """Writes a PNG with some detail, so that it is no flat picture."""
    rows = b"".join(
        b"\0" + bytes(((x * 7 ^ y * 13) + c * 40) % 256 for x in range(width) for c in range(3))
        for y in range(height)
    )

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows, 6)), chunk(b"IEND", b"")]
    Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


class Town:
    """Headquarters in a process of its own."""

    def __init__(self):
        self.data = Path(tempfile.mkdtemp(prefix="lanewalk-town-"))
        arguments = ["serve", "--demo-data", "--data", str(self.data / "hq"), "--listen", "127.0.0.1:0"]
        self.server = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, text=True)
        for line in self.server.stdout:
            if "console: http" in line or "控制台 / console" in line:
                break
        self.phones = 0

    def invitation(self, worker):
        arguments = ["admin", "--data", str(self.data / "hq"), "invite", worker]
        out = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=True).stdout
        return next(word for word in out.split() if word.startswith("lanewalk"))

    def confirm(self):
        """Confirms every phone that waits, as an administrator who has compared the fingerprints."""
        admin = [PROGRAM, "admin", "--data", str(self.data / "hq")]
        listed = subprocess.run([*admin, "devices"], capture_output=True, text=True, check=True).stdout
        for fingerprint in re.findall(r"waiting: ((?:[0-9a-f]{4} ?){4})", listed):
            subprocess.run([*admin, "confirm", fingerprint.strip()], capture_output=True, check=True)

    def audit(self):
        """Reads what headquarters noted of its phones and people."""
        with sqlite3.connect(f"file:{self.data / 'hq/headquarters.db'}?mode=ro", uri=True) as db:
            return [what for (what,) in db.execute("SELECT what FROM audit ORDER BY n")]

    def folder(self):
        self.phones += 1
        return self.data / f"phone-{self.phones}"

    def phone(self, worker="gw-03"):
        """Opens a phone, enrols it and syncs once."""
        phone = Phone(self.folder())
        phone.field.device().enrol(self.invitation(worker))
        self.confirm()
        phone.field.sync().run()
        return phone

    def close(self):
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()
        shutil.rmtree(self.data, ignore_errors=True)


class Phone:
    def __init__(self, folder, signer=None, keys=None):
        self.folder, self.signer, self.keys = folder, signer or Signer(), keys or Keys()
        self.line, self.log, self.here = Line(), Log(), Here()
        self.open()

    def open(self):
        config = lw.OpenConfig(directory=str(self.folder))
        self.field = lw.Field.open(config, self.keys, self.signer, self.line, self.here, self.log)

    def order(self):
        """Names an open order."""
        return self.field.orders().list(all_rows(open_only=True))[0].id
