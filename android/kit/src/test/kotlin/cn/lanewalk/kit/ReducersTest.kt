package cn.lanewalk.kit

import cn.lanewalk.core.Farewell
import cn.lanewalk.core.FreedSpace
import cn.lanewalk.core.Language
import cn.lanewalk.core.LanewalkException
import cn.lanewalk.core.NewVisit
import cn.lanewalk.core.PhotoShot
import cn.lanewalk.core.Salvaged
import cn.lanewalk.core.Standing
import cn.lanewalk.core.VisitKind
import cn.lanewalk.core.textTable
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Test

/** Each screen as a table: from, what happens, to. */
class ReducersTest {
    private val s = Samples

    private fun <S, E> table(reduce: S.(E) -> S, vararg lines: Triple<S, E, S>) {
        for ((from, event, to) in lines) assertEquals(to, from.reduce(event), "$from on $event")
    }

    private infix fun <S, E> Pair<S, E>.gives(to: S) = Triple(first, second, to)

    @Test
    fun today() {
        val ready = TodayScreen.Ready(listOf(s.row), s.status)
        table<TodayScreen, TodayEvent>(
            TodayScreen::on,
            TodayScreen.Loading() to TodayEvent.Status(s.status) gives TodayScreen.Loading(s.status),
            TodayScreen.Loading(s.status) to TodayEvent.Listed(listOf(s.row)) gives ready,
            TodayScreen.Loading() to TodayEvent.Failed(s.busy) gives TodayScreen.Failed(s.busy, null),
            ready to TodayEvent.Failed(s.busy) gives ready.copy(problem = s.busy),
            ready.copy(problem = s.busy) to TodayEvent.Listed(emptyList()) gives ready.copy(orders = emptyList()),
            TodayScreen.Failed(s.busy, s.status) to TodayEvent.Listed(listOf(s.row)) gives ready,
        )
    }

    @Test
    fun device() {
        val shut = LanewalkException.Key(s.reason).problem()
        val damaged = DeviceScreen.Damaged(LanewalkException.StoreDamaged(s.reason).problem())
        val report = Salvaged(true, 40uL, 9uL, 5uL, 2uL, 1uL)
        val compare = DeviceScreen.Compare("0123 4567 89ab cdef")
        fun revoked(next: Farewell) = DeviceEvent.Told(Standing.Revoked(7L, 3uL, 1uL, next))
        val deliver = DeviceScreen.Deliver(7L, 3uL, 1uL)
        val export = DeviceScreen.Export(3uL, 1uL)
        val wipe = DeviceScreen.Wipe()
        table<DeviceScreen, DeviceEvent>(
            DeviceScreen::on,
            DeviceScreen.Loading to DeviceEvent.Failed(shut) gives DeviceScreen.Shut(shut),
            DeviceScreen.Shut(shut) to DeviceEvent.Told(Standing.Active) gives DeviceScreen.Active,
            DeviceScreen.Loading to DeviceEvent.Failed(damaged.problem) gives damaged,
            damaged to DeviceEvent.Began gives damaged.copy(salvaging = true),
            damaged.copy(salvaging = true) to DeviceEvent.Failed(shut) gives DeviceScreen.Shut(shut),
            damaged.copy(salvaging = true) to DeviceEvent.Saved(report) gives DeviceScreen.Saved(report),
            DeviceScreen.Active to DeviceEvent.Saved(report) gives DeviceScreen.Active,
            DeviceScreen.Saved(report) to DeviceEvent.Failed(s.busy) gives DeviceScreen.Saved(report),
            DeviceScreen.Saved(report) to DeviceEvent.Read gives DeviceScreen.Loading,
            DeviceScreen.Loading to DeviceEvent.Told(Standing.NotEnrolled) gives DeviceScreen.Enrol(),
            DeviceScreen.Enrol(problem = s.busy) to DeviceEvent.Began gives DeviceScreen.Enrol(asking = true),
            DeviceScreen.Enrol(true) to DeviceEvent.Told(Standing.NotEnrolled) gives DeviceScreen.Enrol(true),
            DeviceScreen.Enrol(true) to DeviceEvent.Failed(s.busy) gives DeviceScreen.Enrol(problem = s.busy),
            DeviceScreen.Enrol(true) to DeviceEvent.Told(Standing.Waiting(compare.fingerprint)) gives compare,
            compare to DeviceEvent.Failed(s.busy) gives compare,
            compare to DeviceEvent.Told(Standing.Active) gives DeviceScreen.Active,
            DeviceScreen.Active to revoked(Farewell.DELIVER) gives deliver,
            deliver to DeviceEvent.Began gives deliver,
            deliver to revoked(Farewell.EXPORT) gives export,
            export to DeviceEvent.Failed(s.busy) gives export.copy(problem = s.busy),
            export.copy(problem = s.busy) to revoked(Farewell.EXPORT) gives export.copy(problem = s.busy),
            export to DeviceEvent.Wiped gives export,
            export to revoked(Farewell.WIPE) gives wipe,
            wipe to DeviceEvent.Began gives wipe.copy(wiping = true),
            wipe.copy(wiping = true) to revoked(Farewell.WIPE) gives wipe.copy(wiping = true),
            wipe.copy(wiping = true) to DeviceEvent.Failed(s.busy) gives wipe.copy(problem = s.busy),
            wipe.copy(wiping = true) to DeviceEvent.Wiped gives DeviceScreen.Wiped,
            DeviceScreen.Wiped to DeviceEvent.Told(Standing.Active) gives DeviceScreen.Wiped,
        )
        val said = textTable(Language.CHINESE)
        for (screen in listOf(damaged, DeviceScreen.Saved(report), compare, deliver, export, wipe)) {
            val line = checkNotNull(screen.line)
            val words = line.args.entries.fold(said.getValue(line.code)) { text, (name, value) -> text.replace("{$name}", value) }
            assertFalse('{' in words, words)
        }
        assertEquals(mapOf("entries" to "40", "missing" to "2", "export_only" to "5"), DeviceScreen.Saved(report).line?.args)
        assertEquals("ui.salvaged_stranger", DeviceScreen.Saved(report.copy(identity = false)).line?.code)
    }

    @Test
    fun order() {
        val page = s.page(s.visit, s.ack)
        val shown = OrderScreen.Shown(page)
        val form = shown.copy(action = s.ack)
        val later = s.page(s.visit)
        val locked = OrderScreen.Failed("order:1", s.connect)
        table<OrderScreen, OrderEvent>(
            OrderScreen::on,
            OrderScreen.Loading("order:1") to OrderEvent.Told(page) gives shown,
            OrderScreen.Loading("order:1") to OrderEvent.Failed(s.connect) gives locked,
            locked to OrderEvent.Told(page) gives shown,
            shown to OrderEvent.Chosen(s.ack) gives form,
            OrderScreen.Shown(later) to OrderEvent.Chosen(s.ack) gives OrderScreen.Shown(later),
            shown to OrderEvent.Sent gives shown,
            form to OrderEvent.Sent gives form.copy(saving = true),
            form.copy(saving = true) to OrderEvent.Chosen(s.visit) gives form.copy(saving = true),
            form.copy(saving = true) to OrderEvent.Dismissed gives form.copy(saving = true),
            form.copy(saving = true) to OrderEvent.Saved gives shown,
            form.copy(saving = true) to OrderEvent.Failed(s.busy) gives form.copy(problem = s.busy),
            form to OrderEvent.Told(later) gives form.copy(page = later),
            form.copy(problem = s.busy) to OrderEvent.Dismissed gives shown,
            shown to OrderEvent.Told(null) gives OrderScreen.Gone,
            form to OrderEvent.Told(null) gives form,
            OrderScreen.Gone to OrderEvent.Told(page) gives shown,
        )
    }

    @Test
    fun visit() {
        val form = NewVisit(VisitKind.CARE, notes = "一")
        val edited = form.copy(notes = "一二")
        val open = VisitScreen.Open(s.visitPage("visit:1"))
        val mine = s.ticket("1", true)
        val photo = open.copy(tickets = listOf(mine))
        table<VisitScreen, VisitEvent>(
            VisitScreen::on,
            VisitScreen.Draft(form, s.busy) to VisitEvent.Edited(edited) gives VisitScreen.Draft(edited),
            VisitScreen.Draft(form) to VisitEvent.Save gives VisitScreen.Saving(form),
            VisitScreen.Saving(form) to VisitEvent.Save gives VisitScreen.Saving(form),
            VisitScreen.Saving(form) to VisitEvent.Failed(s.busy) gives VisitScreen.Draft(form, s.busy),
            VisitScreen.Saving(form) to VisitEvent.Saved("visit:1") gives VisitScreen.Saved("visit:1"),
            VisitScreen.Saved("visit:1") to VisitEvent.Failed(s.busy) gives VisitScreen.Saved("visit:1", s.busy),
            VisitScreen.Saved("visit:1") to VisitEvent.Read(open.page) gives open,
            open to VisitEvent.Tickets(listOf(mine, s.ticket("2", true, "visit:2"))) gives photo,
            open to VisitEvent.Failed(s.busy) gives open.copy(problem = s.busy),
            open.copy(problem = s.busy) to VisitEvent.Read(open.page) gives open,
        )
    }

    @Test
    fun capture() {
        val bare = s.ticket("1", false)
        val one = s.ticket("1", true)
        val two = s.ticket("2", true)
        val shot = PhotoShot("楼道")
        val again = PhotoShot("楼道口")
        val finishing = CaptureScreen.Finishing(one, shot, listOf(two))
        val failed = CaptureScreen.Failed(one, shot, s.busy, listOf(two))
        table<CaptureScreen, CaptureEvent>(
            CaptureScreen::on,
            CaptureScreen.Idle to CaptureEvent.Begun(bare) gives CaptureScreen.Shooting(bare),
            CaptureScreen.Idle to CaptureEvent.Failed(s.busy) gives CaptureScreen.Refused(s.busy),
            CaptureScreen.Idle to CaptureEvent.CameraWrote gives CaptureScreen.Idle,
            CaptureScreen.Idle to CaptureEvent.Recovered(listOf(bare)) gives CaptureScreen.Idle,
            CaptureScreen.Idle to CaptureEvent.Recovered(listOf(one, two)) gives CaptureScreen.Taken(one, listOf(two)),
            CaptureScreen.Shooting(bare) to CaptureEvent.CameraWrote gives CaptureScreen.Taken(one),
            CaptureScreen.Shooting(bare) to CaptureEvent.Dropped gives CaptureScreen.Idle,
            CaptureScreen.Taken(one, listOf(two)) to CaptureEvent.Keep(shot) gives finishing,
            CaptureScreen.Taken(one, listOf(two)) to CaptureEvent.Dropped gives CaptureScreen.Taken(two),
            finishing to CaptureEvent.Failed(s.busy) gives failed,
            finishing to CaptureEvent.Dropped gives finishing,
            finishing to CaptureEvent.Finished("p") gives CaptureScreen.Taken(two),
            CaptureScreen.Finishing(one, shot, emptyList()) to CaptureEvent.Finished("p") gives CaptureScreen.Done("p"),
            failed to CaptureEvent.Keep(again) gives CaptureScreen.Finishing(one, again, listOf(two)),
            failed to CaptureEvent.Dropped gives CaptureScreen.Taken(two),
            CaptureScreen.Done("p") to CaptureEvent.Begun(bare) gives CaptureScreen.Shooting(bare),
        )
    }

    @Test
    fun people() {
        val ready = PeopleScreen.Ready(listOf(s.person), listOf(s.place))
        table<PeopleScreen, PeopleEvent>(
            PeopleScreen::on,
            PeopleScreen.Loading to PeopleEvent.Persons(listOf(s.person)) gives PeopleScreen.Ready(listOf(s.person)),
            PeopleScreen.Ready(listOf(s.person)) to PeopleEvent.Places(listOf(s.place)) gives ready,
            ready to PeopleEvent.Opened(s.personPage) gives ready.copy(person = s.personPage),
            ready.copy(person = s.personPage) to PeopleEvent.Back gives ready,
            ready to PeopleEvent.Failed(s.busy) gives ready.copy(problem = s.busy),
            ready to PeopleEvent.Failed(s.connect) gives PeopleScreen.Failed(s.connect),
            PeopleScreen.Loading to PeopleEvent.Failed(s.busy) gives PeopleScreen.Failed(s.busy),
            PeopleScreen.Loading to PeopleEvent.Back gives PeopleScreen.Loading,
        )
    }

    @Test
    fun conflicts() {
        val (one, two) = s.conflict("order:1") to s.conflict("order:2")
        val ready = ConflictsScreen.Ready(listOf(one, two))
        val settling = ready.copy(settling = one)
        table<ConflictsScreen, ConflictsEvent>(
            ConflictsScreen::on,
            ConflictsScreen.Loading to ConflictsEvent.Listed(listOf(one, two)) gives ready,
            ConflictsScreen.Loading to ConflictsEvent.Failed(s.busy) gives ConflictsScreen.Failed(s.busy),
            ready to ConflictsEvent.Chosen(one) gives settling,
            settling to ConflictsEvent.Chosen(two) gives settling,
            ready to ConflictsEvent.Chosen(s.conflict("order:3")) gives ready,
            settling to ConflictsEvent.Settled gives ConflictsScreen.Ready(listOf(two)),
            settling to ConflictsEvent.Failed(s.busy) gives ready.copy(problem = s.busy),
            ready.copy(problem = s.busy) to ConflictsEvent.Chosen(two) gives ready.copy(settling = two),
        )
    }

    @Test
    fun sync() {
        val offline = LanewalkException.Offline(s.reason)
        val wait = LanewalkException.Wait(s.reason, 30u)
        val stopped = LanewalkException.DeviceStopped(s.reason)
        val noWay = offline.problem()
        val running = SyncScreen.Running(s.status)
        table<SyncScreen, SyncEvent>(
            SyncScreen::on,
            SyncScreen.Idle() to SyncEvent.Status(s.status) gives SyncScreen.Idle(s.status),
            SyncScreen.Idle(s.status) to SyncEvent.Started gives running,
            running to SyncEvent.Ended(s.round) gives SyncScreen.Idle(s.status, s.round),
            running to SyncEvent.Failed(offline) gives SyncScreen.Offline(s.status, offline.problem()),
            running to SyncEvent.Failed(wait) gives SyncScreen.Wait(s.status, wait.problem()),
            running to SyncEvent.Failed(stopped) gives SyncScreen.Stopped(s.status, stopped.problem()),
            running to SyncEvent.Failed(LanewalkException.Paused(s.reason)) gives SyncScreen.Idle(s.status),
            SyncScreen.Offline(null, noWay) to SyncEvent.Status(s.status) gives SyncScreen.Offline(s.status, noWay),
            SyncScreen.Stopped(s.status, stopped.problem()) to SyncEvent.Started gives running,
        )
    }

    @Test
    fun storage() {
        val ready = StorageScreen.Ready(s.room)
        val freed = FreedSpace(2uL, 5uL)
        table<StorageScreen, StorageEvent>(
            StorageScreen::on,
            StorageScreen.Loading to StorageEvent.Measured(s.room) gives ready,
            StorageScreen.Loading to StorageEvent.Failed(s.busy) gives StorageScreen.Failed(s.busy),
            StorageScreen.Loading to StorageEvent.Freeing gives StorageScreen.Loading,
            ready to StorageEvent.Freeing gives ready.copy(freeing = true),
            ready.copy(freeing = true) to StorageEvent.Freed(freed) gives ready.copy(freed = freed),
            ready.copy(freeing = true) to StorageEvent.Failed(s.busy) gives ready.copy(problem = s.busy),
        )
    }

    @Test
    fun `every failure of the core has a reason and something to do`() {
        assertEquals(LanewalkException::class.java.variants(), s.failures.map { it.javaClass }.toSet())
        for (failure in s.failures) assertSame(s.reason, failure.reason())
        val problems = s.failures.map { it.problem() }
        assertEquals(listOf("notes"), problems.mapNotNull { it.field })
        assertEquals(listOf(30u), problems.mapNotNull { it.retryAfterS })
    }

    @Test
    fun `steps make the list, in order`() {
        val fold = Fold<String>()
        assertEquals(listOf("a", "c"), fold.take(listOf(Step.Reset(listOf("a", "c")))))
        val steps = listOf(Step.Insert(1u, "b"), Step.Update(2u, "C"), Step.Remove(0u))
        assertEquals(listOf("b", "C"), fold.take(steps))
        assertEquals(emptyList<String>(), fold.take(listOf(Step.Reset(emptyList()))))
    }
}

private fun Class<*>.variants(): Set<Class<*>> = declaredClasses.filter { it.superclass == this }.toSet()
