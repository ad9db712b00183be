"""What every shell may rely on, shown with the real library and a real headquarters.

Nothing waits for time: a test waits for what must come, and fails when it does not.
"""

import inspect
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import typing
import unittest
from pathlib import Path

from town import ROOT, WAIT, Here, Keys, Phone, Signer, Town, all_rows, heard, lw, picture

Error = lw.LanewalkError


def setUpModule():
    global town
    town = Town()


def tearDownModule():
    town.close()


class OnThePhone(unittest.TestCase):
    def setUp(self):
        self.phone = town.phone()
        self.field = self.phone.field

    def tearDown(self):
        self.field.shutdown()

    def test_a_day_from_the_list_to_headquarters(self):
        orders = self.field.orders()
        rows = orders.list(all_rows(open_only=True))
        self.assertTrue(rows)
        row = rows[0]
        self.assertTrue(row.title)
        self.assertIsNotNone(row.countdown)
        page = orders.get(row.id)
        self.assertEqual(page.title, row.title)
        self.assertIsNotNone(page.brief)
        actions = [a.id for a in page.actions]
        self.assertIn("visit", actions)
        self.assertIn("ack", actions)
        orders.propose(row.id, proposal(lw.ProposalKind.ACK))
        visit = self.field.visits().record(new_visit(order=row.id))
        orders.note(row.id, "楼道已查看，与反映一致")
        orders.verify(row.id, "潍棉小区3号楼2单元", "养猫 12 只")
        page = orders.get(row.id)
        self.assertEqual([v.id for v in page.visits], [visit])
        self.assertEqual(page.notes[0].text, "楼道已查看，与反映一致")
        self.assertEqual(page.verified_facts, "养猫 12 只")
        self.assertEqual([p.answer.code for p in page.proposals], ["answer.waiting"])
        self.assertEqual(self.field.sync().status().pending, 4)
        done = self.field.sync().run()
        self.assertEqual((done.acknowledged, done.refused, done.stopped), (4, 0, False))
        self.field.sync().run()
        page = orders.get(row.id)
        self.assertEqual([p.answer.code for p in page.proposals], ["answer.accepted"])
        self.assertEqual(page.state.code, "state.INVESTIGATING")
        self.assertEqual(page.first_owner, "gw-03")

    def test_a_proposal_that_would_be_refused_says_why_in_words(self):
        order = self.phone.order()
        ask = proposal(lw.ProposalKind.SUBMIT, outcome=lw.OrderOutcome.EXPLAINED)
        with self.assertRaises(Error.NotAllowed) as caught:
            self.field.orders().propose(order, ask)
        code = caught.exception.reason.text.code
        self.assertTrue(code.startswith("refusal."), code)
        self.assertIn(code, lw.text_table(lw.Language.CHINESE))
        self.assertEqual(self.field.sync().status().pending, 0)

    def test_a_live_list_begins_whole_and_goes_on_in_steps(self):
        listener = heard(lw.OrderListener)
        query = all_rows(open_only=True)
        watch = self.field.orders().watch(query, listener)
        rows = list(listener.next().rows)
        self.assertEqual(rows, self.field.orders().list(query))
        order = next(r.id for r in rows if r.state.code == "state.DISPATCHED")
        self.field.orders().propose(order, proposal(lw.ProposalKind.ACK))
        for change in listener.next().changes:
            apply(rows, change)
        self.assertEqual(rows, self.field.orders().list(query))
        self.assertEqual(next(r.waiting for r in rows if r.id == order), 1)
        watch.cancel()
        watch.cancel()
        self.field.sync().run()
        self.assertTrue(listener.told.empty())

    def test_an_empty_list_is_told_too(self):
        listener = heard(lw.VisitListener)
        watch = self.field.visits().watch(all_rows(parent="order:" + "0" * 32), listener)
        self.assertEqual(listener.next().rows, [])
        watch.cancel()

    def test_the_status_is_live(self):
        listener = heard(lw.StatusListener)
        watch = self.field.sync().watch(listener)
        self.assertEqual(listener.next().pending, 0)
        self.field.orders().note(self.phone.order(), "一")
        self.assertEqual(listener.next().pending, 1)
        self.field.sync().run()
        self.assertEqual(listener.next().pending, 0)
        watch.cancel()

    def test_a_listener_that_throws_goes_on_hearing(self):
        told = queue.Queue()

        class Throws(lw.VisitListener):
            def changed(self, update):
                told.put(update)
                raise RuntimeError("a screen that is gone")

        watch = self.field.visits().watch(all_rows(), Throws())
        self.assertTrue(told.get(timeout=WAIT).is_reset())
        self.field.visits().record(new_visit(order=self.phone.order()))
        self.assertTrue(told.get(timeout=WAIT).is_diff())
        watch.cancel()
        self.assertIn("a listener failed", self.phone.log.lines)

    def test_a_listener_that_blocks_blocks_nobody_and_then_hears_one_step(self):
        entered, leave = threading.Event(), threading.Event()
        told = []

        class Blocks(lw.VisitListener):
            def changed(self, update):
                told.append(update)
                entered.set()
                leave.wait(WAIT)
                if len(told) == 2:
                    done.set()

        done = threading.Event()
        watch = self.field.visits().watch(all_rows(), Blocks())
        self.assertTrue(entered.wait(WAIT))
        order = self.phone.order()
        for _ in range(5):
            self.field.visits().record(new_visit(order=order))
        leave.set()
        self.assertTrue(done.wait(WAIT))
        rows = list(told[0].rows)
        for change in told[1].changes:
            apply(rows, change)
        self.assertEqual(len(rows), 5 + len(told[0].rows))
        watch.cancel()

    def test_a_listener_may_call_the_core(self):
        field, answers = self.field, []
        done = threading.Event()

        class Asks(lw.VisitListener):
            def changed(self, update):
                answers.append(field.sync().status().pending)
                done.set()

        watch = field.visits().watch(all_rows(), Asks())
        self.assertTrue(done.wait(WAIT))
        watch.cancel()
        self.assertEqual(answers, [0])

    def test_the_signer_may_call_the_core_and_may_fail(self):
        field = self.field
        field.orders().note(self.phone.order(), "签名时读取")
        sign = self.phone.signer.sign
        asked = []

        def asks(message):
            asked.append(field.sync().status().pending)
            return sign(message)

        self.phone.signer.sign = asks
        field.sync().run()
        self.assertEqual(asked[0], 1)

        def locked(message):
            raise lw.ForeignError.Unavailable()

        field.orders().note(self.phone.order(), "手机锁定")
        self.phone.signer.sign = locked
        with self.assertRaises(Error.Wait):
            field.sync().run()

        def broken(message):
            raise ValueError("not what was agreed")

        self.phone.signer.sign = broken
        with self.assertRaises(Error.Wait):
            field.sync().run()
        self.phone.signer.sign = sign
        self.assertEqual(field.sync().run().acknowledged, 1)

    def test_without_network_everything_is_saved_and_nothing_sent(self):
        self.phone.line.now = lw.Network.OFFLINE
        self.field.orders().note(self.phone.order(), "地下车库没有信号")
        with self.assertRaises(Error.Offline):
            self.field.sync().run()
        self.assertEqual(self.field.sync().status().pending, 1)
        self.phone.line.now = lw.Network.UNMETERED
        self.assertEqual(self.field.sync().run().acknowledged, 1)

    def test_many_threads_write_and_nothing_is_lost(self):
        order = self.phone.order()
        errors = []

        def write(n):
            try:
                for i in range(10):
                    self.field.orders().note(order, f"第 {n} 组第 {i} 条")
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        self.assertEqual(errors, [])
        notes = {n.text for n in self.field.orders().get(order).notes if n.text.startswith("第")}
        self.assertEqual(len(notes), 80)
        self.assertEqual(self.field.sync().run().acknowledged, 80)

    def test_a_photo_by_path_from_the_ticket_to_headquarters(self):
        photos = self.field.photos()
        font = str(ROOT / "rust-core/media/fonts/NotoSansSC-GB2312.otf")
        fonts = [lw.FontFile(path=font)]
        photos.configure(lw.PhotoSettings(fonts=fonts, keep_free_bytes=1))
        visit = self.field.visits().record(new_visit(order=self.phone.order()))
        ticket = photos.begin(visit, lw.PhotoRole.BEFORE)
        self.assertFalse(ticket.has_file)
        picture(ticket.path)
        self.assertEqual([(t.id, t.has_file) for t in photos.tickets()], [(ticket.id, True)])
        shot = lw.PhotoShot(caption="楼道", scene=lw.PhotoScene.CORRIDOR)
        photo = photos.finish(ticket.id, shot)
        self.assertEqual(photos.tickets(), [])
        seen = self.field.visits().get(visit).photos
        self.assertEqual([(p.id, p.caption, p.in_app) for p in seen], [(photo, "楼道", True)])
        thumbnail = photos.bytes(photo, lw.PhotoPart.THUMBNAIL)
        self.assertEqual(thumbnail[:2], b"\xff\xd8")
        with self.assertRaises(Error.Invalid):
            photos.bytes(photo, lw.PhotoPart.ORIGINAL)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "one.jpg"
            path.write_bytes(b"what lay there before")
            photos.write_to(photo, lw.PhotoPart.EVIDENCE, str(path))
            self.assertEqual(path.read_bytes(), photos.bytes(photo, lw.PhotoPart.EVIDENCE))
            taken = Path(folder) / "folder"
            taken.mkdir()
            for part, bad in [
                (lw.PhotoPart.ORIGINAL, path),
                (lw.PhotoPart.EVIDENCE, taken),
                (lw.PhotoPart.EVIDENCE, Path(folder) / "nowhere" / "one.jpg"),
                (lw.PhotoPart.EVIDENCE, "a\0b"),
                (lw.PhotoPart.EVIDENCE, ""),
            ]:
                with self.assertRaises(Error.Invalid):
                    photos.write_to(photo, part, str(bad))
            self.assertEqual(sorted(os.listdir(folder)), ["folder", "one.jpg"])
        self.assertEqual(photos.storage().unsent_files, 3)
        self.assertEqual(self.field.sync().run().photo_files, 3)
        self.assertEqual({f.state.code for f in photos.list(visit)[0].files}, {"photo_state.sent"})

    def test_a_visit_saved_for_its_photos_is_finished_once(self):
        visits = self.field.visits()
        visit = visits.record(new_visit(order=self.phone.order(), result=None, notes=""))
        self.assertIsNone(visits.get(visit).result)
        visits.finish(visit, lw.VisitResult.ABSENT, notes="敲门无人应答")
        seen = visits.get(visit)
        self.assertEqual((seen.result.code, seen.notes), ("visit_result.absent", "敲门无人应答"))
        with self.assertRaises(Error.Invalid):
            visits.finish(visit, lw.VisitResult.MET)
        self.assertEqual(self.field.sync().run().refused, 0)

    def test_a_path_that_is_not_there_is_an_error_and_the_ticket_stays(self):
        photos = self.field.photos()
        visit = self.field.visits().record(new_visit(order=self.phone.order()))
        ticket = photos.begin(visit, lw.PhotoRole.AFTER)
        shot = lw.PhotoShot()
        with self.assertRaises(Error.Photo):
            photos.finish(ticket.id, shot)
        for path in ["/nowhere/at-all.jpg", "/", "", "a\0b"]:
            with self.assertRaises(Error):
                photos.import_file(visit, lw.PhotoRole.AFTER, path, shot)
        self.assertEqual([t.id for t in photos.tickets()], [ticket.id])
        photos.drop_ticket(ticket.id)

    def test_the_shells_place_is_asked_at_a_visit_alone(self):
        source = lw.PositionSource.GPS
        fix = lw.Fix(lat=36.70, lon=119.13, source=source, datum=lw.Datum.WGS84, accuracy_m=12)
        self.phone.here.fix = fix
        visit = self.field.visits().record(new_visit(order=self.phone.order()))
        place = self.field.visits().get(visit).place
        self.assertAlmostEqual(place.lat, 36.70)
        self.phone.here.last_fix = lambda: 1 / 0
        visit = self.field.visits().record(new_visit(order=self.phone.order()))
        self.assertIsNone(self.field.visits().get(visit).place)

    def test_paused_calls_say_so_and_go_on_after(self):
        self.field.pause()
        with self.assertRaises(Error.Paused):
            self.field.orders().list(all_rows())
        with self.assertRaises(Error.Paused):
            self.field.sync().run()
        self.field.resume()
        self.assertTrue(self.field.orders().list(all_rows()))
        self.assertFalse(self.field.sync().run().stopped)

    def test_a_store_opens_with_its_own_key_alone(self):
        self.field.shutdown()
        for keys, error in [
            (Keys(b"\x08" * 32), Error.Key),
            (Keys(b"short"), Error.Invalid),
            (Keys(b""), Error.Invalid),
        ]:
            with self.assertRaises(error):
                Phone(self.phone.folder, self.phone.signer, keys)
        broken = Keys()
        for raised, error in [
            (lw.ForeignError.Lost(), Error.Key),
            (lw.ForeignError.Unavailable(), Error.Wait),
            (KeyError("no such alias"), Error.Key),
        ]:
            def store_key(raised=raised):
                raise raised

            broken.store_key = store_key
            with self.assertRaises(error):
                Phone(self.phone.folder, self.phone.signer, broken)
        self.phone.open()
        self.field = self.phone.field
        self.assertTrue(self.field.orders().list(all_rows()))

    def test_a_damaged_store_is_salvaged_when_somebody_says_so(self):
        self.field.orders().note(self.phone.order(), "还没上传")
        self.field.shutdown()
        folder, keys = str(self.phone.folder), self.phone.keys
        file = self.phone.folder / "lanewalk.db"
        good = file.read_bytes()
        with self.assertRaises(Error.Invalid):
            lw.salvage(folder, keys)
        with self.assertRaises(Error.Key):
            lw.salvage(folder, Keys(b"\x08" * 32))
        # One page after another, until one that costs nothing that only this phone has.
        for page in reversed(range(1, len(good) // 4096)):
            damaged = bytearray(good)
            damaged[page * 4096 + 9] ^= 1
            file.write_bytes(damaged)
            for kept in self.phone.folder.glob("damaged-*"):
                shutil.rmtree(kept)
            saved = lw.salvage(folder, keys)
            if saved.identity and saved.missing == 0 and saved.unsent == 1:
                break
        else:
            self.fail("every page costs something")
        self.assertEqual((saved.export_only, saved.photos), (0, 0))
        self.assertEqual((self.phone.folder / "damaged-1/lanewalk.db").read_bytes(), bytes(damaged))
        self.phone.open()
        self.field = self.phone.field
        problems = self.field.sync().status().problems
        self.assertEqual([p.code for p in problems], ["problem.salvaged"])
        self.assertEqual(problems[0].args["detail"], f"{saved.entries} / 0 / 0")
        self.assertEqual(self.field.sync().run().acknowledged, 1)
        self.assertIn("store_salvaged", town.audit())

    def test_what_a_phone_can_show_of_the_log_is_headquarters_own_word(self):
        seen = self.field.device().witness()
        self.assertRegex(seen.checkpoint, r"^lanewalk/hq/[0-9a-f]{16}\n\d+\n")
        self.assertEqual((seen.earlier, seen.contradictions), ([], []))
        self.field.orders().note(self.phone.order(), "又一条")
        self.field.sync().run()
        self.assertNotEqual(self.field.device().witness().checkpoint, seen.checkpoint)

    def test_a_signer_that_fails_or_is_another_keeps_nothing_shut(self):
        self.field.orders().note(self.phone.order(), "还没上传")
        self.field.shutdown()

        def raises(error):
            def fails(*_):
                raise error

            return fails

        lost, locked, other, odd = Signer(), Signer(), Signer(), Signer()
        lost.public_key = lost.sign = raises(lw.ForeignError.Lost())
        locked.public_key = locked.sign = raises(lw.ForeignError.Unavailable())
        odd.public_key = lambda: b"not a key"
        for signer, key, error, code in [
            (lost, lw.DeviceKey.LOST, Error.Key, "key_lost"),
            (locked, lw.DeviceKey.UNAVAILABLE, Error.Wait, "signer_unavailable"),
            (other, lw.DeviceKey.REPLACED, Error.Key, "key_replaced"),
            (odd, lw.DeviceKey.UNAVAILABLE, Error.Wait, "signer_unavailable"),
        ]:
            phone = Phone(self.phone.folder, signer)
            self.assertTrue(phone.field.orders().list(all_rows()))
            self.assertIn("还没上传", phone.field.sync().export_unsent())
            status = phone.field.sync().status()
            self.assertEqual((status.key, status.pending), (key, 1))
            gone = [key.label()] if key in (lw.DeviceKey.LOST, lw.DeviceKey.REPLACED) else []
            self.assertEqual(status.problems, gone)
            with self.assertRaises(error) as caught:
                phone.field.sync().run()
            self.assertEqual(caught.exception.reason.code, code)
            phone.field.shutdown()
        self.phone.open()
        self.field = self.phone.field
        self.assertEqual(self.field.sync().status().key, lw.DeviceKey.READY)
        self.assertEqual(self.field.sync().run().acknowledged, 1)

    def test_a_store_with_another_key_becomes_another_device(self):
        order = self.phone.order()
        self.field.orders().note(order, "旧手机写的")
        before = self.field.device().identity().device
        self.field.shutdown()
        moved = Phone(self.phone.folder, Signer())
        with self.assertRaises(Error.Key):
            moved.field.sync().run()
        me = moved.field.device().enrol(town.invitation("gw-03"))
        self.assertNotEqual(me.device, before)
        town.confirm()
        self.assertEqual(moved.field.sync().run().acknowledged, 1)
        status = moved.field.sync().status()
        self.assertEqual((status.key, status.pending, status.problems), (lw.DeviceKey.READY, 0, []))
        self.assertIn("enrol_after", town.audit())
        self.phone.signer = moved.signer
        moved.field.shutdown()
        self.phone.open()
        self.field = self.phone.field

    def test_a_stop_counts_whenever_it_comes(self):
        sync, order = self.field.sync(), self.phone.order()
        self.field.orders().note(order, "一")
        early = lw.StopToken()
        early.stop()
        done = sync.run(early)
        self.assertEqual((done.stopped, done.requests), (True, 0))

        # Between the call and the first request: the network is asked at the begin of a round.
        meanwhile = lw.StopToken()

        def asked():
            meanwhile.stop()
            return lw.Network.UNMETERED

        self.phone.line.network = asked
        done = sync.run(meanwhile)
        self.assertEqual((done.stopped, done.requests), (True, 0))

        # While a request is built: that one goes out, no other does.
        del self.phone.line.network
        late, sign = lw.StopToken(), self.phone.signer.sign

        def signs(message):
            late.stop()
            return sign(message)

        self.phone.signer.sign = signs
        done = sync.run(late)
        self.assertEqual((done.stopped, done.requests, done.acknowledged), (True, 1, 1))
        self.phone.signer.sign = sign
        self.assertEqual(sync.run(lw.StopToken()).stopped, False)

    def test_a_round_that_runs_ends_when_the_app_goes_to_sleep(self):
        sync, field, sign = self.field.sync(), self.field, self.phone.signer.sign

        def signs(message):
            field.pause()
            return sign(message)

        field.orders().note(self.phone.order(), "一")
        self.phone.signer.sign = signs
        with self.assertRaises(Error.Paused):
            sync.run()
        self.phone.signer.sign = sign
        field.resume()
        self.assertEqual((sync.run().stopped, sync.status().pending), (False, 0))

    def test_an_orders_page_is_live_until_it_ends(self):
        orders, order = self.field.orders(), self.phone.order()
        listener = heard(lw.OrderPageListener)
        watch = orders.watch_order(order, listener)
        page = listener.next()
        self.assertEqual(page, orders.get(order))
        orders.note(order, "楼道已查看")
        self.assertEqual([n.text for n in listener.next().notes][:1], ["楼道已查看"])
        visit = self.field.visits().record(new_visit(order=order))
        self.assertIn(visit, [v.id for v in listener.next().visits])
        other = next(r.id for r in orders.list(all_rows(open_only=True)) if r.id != order)
        orders.note(other, "别的工单")
        watch.cancel()
        self.field.sync().run()
        self.assertTrue(listener.told.empty())
        with self.assertRaises(Error.NotFound):
            orders.watch_order(GOOD_IDS["order"], heard(lw.OrderPageListener))

    def test_a_grid_must_be_named_where_several_are_held(self):
        grids = self.field.device().identity().grids
        self.assertGreater(len(grids), 1)
        ask = dict(name="王建国", purpose="走访登记")
        with self.assertRaises(Error.Invalid) as caught:
            self.field.people().new_person(lw.NewPerson(**ask))
        self.assertEqual(caught.exception.field, "grid")
        self.field.people().new_person(lw.NewPerson(**ask, grid=grids[0]))

    def test_surveys_task_forces_and_the_catalogue_have_lists(self):
        matters = self.field.knowledge().matters()
        self.assertTrue(matters)
        table = lw.text_table(lw.Language.CHINESE)
        for matter in matters:
            self.assertRegex(matter.code, r"^\d{6}$")
            self.assertTrue(matter.name_zh and matter.lead_unit_zh, matter)
            self.assertTrue(all(e.code in table for e in matter.evidence), matter)
        # Headquarters' demonstration data has none of these; what a row and a page are made of is tested in Rust.
        self.assertEqual(self.field.visits().surveys(lw.ListQuery()), [])
        self.assertEqual(self.field.orders().task_forces(lw.ListQuery()), [])
        with self.assertRaises(Error.NotFound):
            self.field.visits().survey(GOOD_IDS["survey"])

    def test_after_the_end_every_call_says_so(self):
        clients = sub_clients(self.field)
        self.field.shutdown()
        self.field.shutdown()
        for client in clients:
            for name, call in methods(client):
                with self.assertRaises((Error.Closed, Error.Invalid, Error.Invitation), msg=name) as caught:
                    call(*arguments(call, ids=GOOD_IDS))
                del caught

    def test_no_text_however_odd_breaks_anything(self):
        odd = ["", "\0", "a\0b", "x" * 10_000_000, "猫" * 3_000_000, "'; DROP TABLE list;--", "\ufeff\u202e", "9" * 400]
        quiet = {"enrol", "run"}
        for client in sub_clients(self.field):
            for name, call in methods(client):
                if name in quiet or not takes_text(call):
                    continue
                for text in odd:
                    try:
                        call(*arguments(call, text=text))
                    except Error as error:
                        self.assertNotIsInstance(error, Error.Internal, f"{name} {text[:20]!r} {error}")
        with self.assertRaises(Error.Invitation):
            self.field.device().enrol("x" * 10_000_000)
        self.assertTrue(self.field.orders().list(all_rows()))


class BetweenPhones(unittest.TestCase):
    def test_two_truths_wait_for_a_person_on_every_phone(self):
        one, two = town.phone(), town.phone()
        order = one.order()
        listener = heard(lw.ConflictsListener)
        watch = one.field.orders().watch_conflicts(listener)
        self.assertEqual([c for c in listener.next() if c.doc == order], [])
        one.field.orders().verify(order, facts="养猫 12 只")
        two.field.orders().verify(order, facts="养猫 3 只")
        for phone in (one, two, one):
            phone.field.sync().run()
        for phone in (one, two):
            (conflict,) = [c for c in phone.field.orders().conflicts() if c.doc == order]
            self.assertEqual({v.value for v in conflict.values}, {"养猫 12 只", "养猫 3 只"})
            self.assertTrue(conflict.open)
        self.assertEqual(listener.next(), one.field.orders().conflicts())
        one.field.orders().settle(order, conflict.key, "养猫 12 只")
        self.assertEqual([c for c in listener.next() if c.doc == order], [])
        watch.cancel()
        for phone in (one, two):
            phone.field.sync().run()
            page = phone.field.orders().get(order)
            self.assertEqual((page.verified_facts, page.conflicts), ("养猫 12 只", []))
        one.field.shutdown()
        two.field.shutdown()

    def test_what_was_saved_survives_a_kill(self):
        folder = town.folder()
        script = (
            "import os, sys; from town import *\n"
            "from cryptography.hazmat.primitives.serialization import load_der_private_key as load\n"
            "signer = Signer(load(bytes.fromhex(sys.argv[2]), None))\n"
            "phone = Phone(sys.argv[1], signer)\n"
            "phone.field.sync().run()\n"
            "phone.field.orders().note(phone.order(), '写完就断电')\n"
            "os.kill(os.getpid(), 9)\n"
        )
        signer = Signer()
        from cryptography.hazmat.primitives import serialization as s

        secret = signer.secret.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption())
        enrolled = Phone(folder, signer)
        enrolled.field.device().enrol(town.invitation("gw-03"))
        town.confirm()
        enrolled.field.shutdown()
        arguments = [sys.executable, "-c", script, str(folder), secret.hex()]
        ended = subprocess.run(arguments, cwd=Path(__file__).parent, check=False)
        self.assertEqual(ended.returncode, -9)
        phone = Phone(folder, signer)
        self.assertEqual(phone.field.sync().status().pending, 1)
        self.assertEqual(phone.field.sync().run().acknowledged, 1)
        phone.field.shutdown()

    def test_before_enrolment_a_screen_is_asked_for_and_an_invitation_holds_once(self):
        phone = Phone(town.folder())
        self.assertIsNone(phone.field.device().identity())
        with self.assertRaises(Error.NotEnrolled):
            phone.field.sync().run()
        for bad in ["", "hello", "lanewalk://x", "\0"]:
            with self.assertRaises(Error.Invitation):
                phone.field.device().enrol(bad)
        invitation = town.invitation("gw-03")
        me = phone.field.device().enrol(invitation)
        self.assertEqual((me.worker, me.role.code), ("gw-03", "role.grid_worker"))
        with self.assertRaises(Error.Invitation):
            phone.field.device().enrol(invitation)
        # The code alone gives nothing: an administrator compares the fingerprint.
        standing = phone.field.device().standing()
        self.assertRegex(standing.fingerprint, r"^([0-9a-f]{4} ?){4}$")
        with self.assertRaises(Error.Wait) as waits:
            phone.field.sync().run()
        self.assertEqual(waits.exception.reason.code, "not_confirmed")
        town.confirm()
        phone.field.sync().run()
        self.assertTrue(phone.field.device().standing().is_active())
        with self.assertRaises(Error.Invalid):
            phone.field.device().wipe()
        other = Phone(town.folder())
        with self.assertRaises(Error.DeviceStopped):
            other.field.device().enrol(invitation)
        phone.field.shutdown()
        other.field.shutdown()


class Texts(unittest.TestCase):
    def test_both_languages_have_the_same_codes_with_the_same_arguments(self):
        import re

        chinese, english = lw.text_table(lw.Language.CHINESE), lw.text_table(lw.Language.ENGLISH)
        self.assertEqual(chinese.keys(), english.keys())
        for code, words in chinese.items():
            wanted = sorted(re.findall(r"{(\w+)}", words))
            self.assertEqual(wanted, sorted(re.findall(r"{(\w+)}", english[code])), code)
            self.assertTrue(words.strip() and english[code].strip(), code)


GOOD_IDS = {
    "order": "order:" + "0" * 32,
    "visit": "visit:" + "0" * 32,
    "person": "person:" + "0" * 32,
    "place": "place:" + "0" * 32,
    "care": "care:" + "0" * 32,
    "survey": "survey:" + "0" * 32,
    "version": "kb:" + "0" * 32,
    "doc": "order:" + "0" * 32,
    "ticket": "0" * 32,
    "photo": "0" * 32,
}


def sub_clients(field):
    names = ["orders", "visits", "photos", "people", "knowledge", "sync", "device"]
    return [getattr(field, name)() for name in names]


def methods(client):
    for name, call in inspect.getmembers(client, inspect.ismethod):
        if not name.startswith("_"):
            yield name, call


def hints(call):
    found = typing.get_type_hints(call, vars(lw))
    found.pop("return", None)
    return found


def takes_text(call):
    return any(kind is str or hasattr(kind, "__init__") and kind.__name__.startswith("New") for kind in hints(call).values())


def arguments(call, text="", ids={}):
    return [
        ids[name] if kind is str and name in ids else value(kind, text) for name, kind in hints(call).items()
    ]


def value(kind, text):
    """Makes an argument: this text wherever one fits."""
    simple = {str: text, int: 1, bool: False, float: 1.0}
    if kind in simple:
        return simple[kind]
    if typing.get_origin(kind) is typing.Union:
        # What has a default is typed as `object` too.
        return value(next(k for k in typing.get_args(kind) if k is not object), text)
    if typing.get_origin(kind) is list:
        return [value(typing.get_args(kind)[0], text)]
    if hasattr(kind, "changed"):
        return heard(kind)
    if kind is lw.StopToken:
        return kind()
    if issubclass(kind, __import__("enum").Enum):
        return next(iter(kind))
    fields = {n: p.annotation for n, p in inspect.signature(kind.__init__).parameters.items() if n != "self"}
    kinds = typing.get_type_hints(kind.__init__, vars(lw))
    return kind(**{name: value(kinds[name], text) for name in fields})


def new_visit(**changed):
    said = dict(purpose=lw.VisitPurpose.COLLECT, result=lw.VisitResult.MET, notes="已到现场")
    return lw.NewVisit(**{"kind": lw.VisitKind.SITE_CHECK, **said, **changed})


def proposal(kind, **changed):
    return lw.NewProposal(kind=kind, reason="现场需要", **changed)


def apply(rows, change):
    if change.is_insert():
        rows.insert(change.at, change.row)
    elif change.is_update():
        rows[change.at] = change.row
    else:
        del rows[change.at]


if __name__ == "__main__":
    unittest.main()
