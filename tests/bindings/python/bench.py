"""What a call costs from Python, p50 and p95 in milliseconds. Run with the release library in LANEWALK_FFI
and the release program in LANEWALK; not a test."""

import queue
import statistics
import threading
import time
from pathlib import Path

from test_contract import new_visit
from town import ROOT, Town, all_rows, heard, lw, picture


def measured(what, n, run, before=lambda _: None):
    took = []
    for i in range(n):
        before(i)
        at = time.perf_counter()
        run(i)
        took.append((time.perf_counter() - at) * 1000)
    cuts = statistics.quantiles(took, n=20)
    print(f"{what:<44} {statistics.median(took):9.3f} {cuts[18]:9.3f}")


def measured_diffs(visits, ids):
    """A thousand visits change while the listener is held: from its release to the one step that tells all."""
    go, told = threading.Semaphore(0), queue.Queue()

    class Held(lw.VisitListener):
        def changed(self, update):
            told.put(update)
            go.acquire()

    watch = visits.watch(all_rows(), Held())
    told.get()
    rounds = iter(range(6))

    def change(_):
        at = next(rounds)
        for visit in ids:
            visits.notes(visit, f"第 {at} 遍")

    def release(_):
        go.release()
        assert len(told.get().changes) == len(ids)

    measured("1,000 diffs through a listener", 5, release, before=change)
    watch.cancel()
    go.release()


def main():
    town = Town()
    try:
        phone = town.phone("gw-03")
        field = phone.field
        orders, visits, photos = field.orders(), field.visits(), field.photos()
        order = phone.order()
        for i in range(1_000):
            visits.record(new_visit(order=order, notes=f"第 {i} 次"))
        page = all_rows(limit=50)
        print(f"{'':<44} {'p50 ms':>9} {'p95 ms':>9}")
        measured("a call (who this phone is)", 2_000, lambda _: field.device().identity())
        measured("a page of 50 rows (visits)", 500, lambda _: visits.list(page))
        measured("a page of orders with the time left", 500, lambda _: orders.list(page))
        measured("an order's page with 1,000 visits", 50, lambda _: orders.get(order))
        measured("a note, on the disk", 200, lambda i: orders.note(order, f"第 {i} 条"))

        listener = heard(lw.VisitListener)
        watch = visits.watch(all_rows(), listener)
        listener.next()

        def change(i):
            visits.record(new_visit(order=order, notes=f"另 {i}"))
            listener.next()

        measured("a visit saved and told to a list of 1,000", 100, change)
        watch.cancel()

        def whole(_):
            listener = heard(lw.VisitListener)
            watch = visits.watch(all_rows(), listener)
            assert len(listener.next().rows) == 1_000
            watch.cancel()

        measured("1,000 rows told at once (Reset)", 50, whole)
        measured_diffs(visits, [row.id for row in visits.list(all_rows())])
        font = str(ROOT / "rust-core/media/fonts/NotoSansSC-GB2312.otf")
        fonts = [lw.FontFile(path=font)]
        photos.configure(lw.PhotoSettings(fonts=fonts, keep_free_bytes=1))
        visit = visits.record(new_visit(order=order))
        shot = lw.PhotoShot()

        def photo(_):
            ticket = photos.begin(visit, lw.PhotoRole.BEFORE)
            Path(ticket.path).write_bytes(source)
            photos.finish(ticket.id, shot)

        picture(town.data / "one.png", 1280, 960)
        source = (town.data / "one.png").read_bytes()
        measured("a photo by path, 1.2 megapixels", 20, photo)
        taken = photos.list(visit)[0].id
        copy = str(town.data / "copy.jpg")
        measured("its evidence copy as bytes", 100, lambda _: photos.bytes(taken, lw.PhotoPart.EVIDENCE))
        measured("the same to a path", 100, lambda _: photos.write_to(taken, lw.PhotoPart.EVIDENCE, copy))
        field.shutdown()
    finally:
        town.close()


if __name__ == "__main__":
    main()
