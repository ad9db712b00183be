"""The same copies by libvips, for comparison: `vips.py [repeats] file...`.

Prints one line a file in the words of the benchmark: name, bytes of the copies, least and
median wall and CPU time in ms, peak memory above the start in MB. One thread, no cache; start-up
and import are not counted. Needs pyvips. With INTAKE_OUT set, writes the copies there.
"""

import hashlib
import os
import statistics
import sys
import time

os.environ["VIPS_CONCURRENCY"] = "1"

import pyvips  # noqa: E402  (reads VIPS_CONCURRENCY)

EVIDENCE_EDGE = 2048
THUMBNAIL_EDGE = 320
QUALITY = 82


def status(key):
    """A value of /proc/self/status, in units of 1,024 bytes."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key))


def strip():
    """libvips 8.15 has another word for leaving metadata out."""
    newer = (pyvips.version(0), pyvips.version(1)) >= (8, 15)
    return {"keep": "none"} if newer else {"strip": True}


def copies(name):
    digest = hashlib.sha256()
    with open(name, "rb") as file:
        while chunk := file.read(64 << 10):
            digest.update(chunk)
    shrink = {"size": "down"}
    evidence = pyvips.Image.thumbnail(name, EVIDENCE_EDGE, height=EVIDENCE_EDGE, **shrink).copy_memory()
    small = evidence.thumbnail_image(THUMBNAIL_EDGE, height=THUMBNAIL_EDGE, **shrink)
    save = {"Q": QUALITY, **strip()}
    return evidence.jpegsave_buffer(**save), small.jpegsave_buffer(**save), digest.hexdigest()


def measure(name, repeats):
    start = status("VmRSS")
    wall, cpu = [], []
    for _ in range(repeats):
        clock, busy = time.perf_counter(), time.process_time()
        evidence, small, _ = copies(name)
        cpu.append((time.process_time() - busy) * 1e3)
        wall.append((time.perf_counter() - clock) * 1e3)
    peak = (status("VmHWM") - start) * 1.024e-3
    if folder := os.environ.get("INTAKE_OUT"):
        for file, data in (("evidence.jpg", evidence), ("thumbnail.jpg", small)):
            with open(os.path.join(folder, file), "wb") as out:
                out.write(data)
    times = " ".join(f"{word} {min(t):.1f} {statistics.median(t):.1f}" for word, t in (("wall", wall), ("cpu", cpu)))
    print(f"{name} evidence {len(evidence)} thumbnail {len(small)} {times} peak {peak:.1f}")


def main(arguments):
    repeats = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else 5
    pyvips.cache_set_max(0)
    for name in arguments:
        measure(name, repeats)


main(sys.argv[1:])
