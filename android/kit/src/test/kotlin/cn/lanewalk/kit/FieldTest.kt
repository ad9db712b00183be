package cn.lanewalk.kit

import cn.lanewalk.core.FontFile
import cn.lanewalk.core.LanewalkException
import cn.lanewalk.core.Network
import cn.lanewalk.core.PhotoPart
import cn.lanewalk.core.PhotoRole
import cn.lanewalk.core.PhotoScene
import cn.lanewalk.core.PhotoSettings
import cn.lanewalk.core.ProposalKind
import cn.lanewalk.core.VisitKind
import cn.lanewalk.core.VisitListener
import cn.lanewalk.core.VisitResult
import cn.lanewalk.core.VisitUpdate
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.fold
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.fail

/** The kit against the real library and a real headquarters. */
class FieldTest {
    @Test
    fun `before enrolment a screen is asked for, and an invitation holds once`() = real {
        val phone = Phone(Town.folder()).apply { open() }
        val lanewalk = phone.lanewalk
        assertNull(lanewalk.device { identity() })
        assertEquals(Remedy.ENROL, failure { lanewalk.round() }.remedy())
        assertEquals("bad_invitation", failure { lanewalk.device { enrol("hello") } }.reason().code)
        val invitation = Town.invitation("gw-03")
        val me = lanewalk.device { enrol(invitation) }
        assertEquals("gw-03" to "role.grid_worker", me.worker to me.role.code)
        val other = Phone(Town.folder()).apply { open() }
        assertEquals(Remedy.ASK_OFFICE, failure { other.lanewalk.device { enrol(invitation) } }.remedy())
        lanewalk.close()
        other.lanewalk.close()
    }

    @Test
    fun `a day without network is saved, then sent, then answered`() = real {
        val phone = Town.phone()
        val lanewalk = phone.lanewalk
        phone.line.now = Network.NONE
        val order = lanewalk.orders { list(listQuery(openOnly = true)) }.first { it.state.code == "state.DISPATCHED" }.id
        val before = lanewalk.orders { get(order) }
        assertTrue(before.actions.any { it.proposal == ProposalKind.ACK }, "${before.actions}")
        lanewalk.orders { propose(order, newProposal(ProposalKind.ACK, "现场需要"), false) }
        val visit = lanewalk.visits { record(newVisit(VisitKind.SITE_CHECK, order = order, result = VisitResult.MET, notes = "已到现场")) }
        lanewalk.orders { note(order, "地下车库没有信号") }
        val offline = lanewalk.rounds().fold(SyncScreen.Idle() as SyncScreen) { screen, event -> screen.on(event) }
        assertTrue(offline is SyncScreen.Offline, "$offline")
        assertEquals(3uL, lanewalk.sync { status() }.pending)
        assertEquals(listOf(visit), lanewalk.orders { get(order) }.visits.map { it.id })

        phone.line.now = Network.UNMETERED
        val events = lanewalk.rounds().toList()
        assertEquals(SyncEvent.Started, events.first())
        assertEquals(3uL, (events.last() as SyncEvent.Ended).round.acknowledged)
        lanewalk.round()
        assertEquals(listOf("answer.accepted"), lanewalk.orders { get(order) }.proposals.map { it.answer.code })
        lanewalk.close()
    }

    @Test
    fun `two truths stay until a person settles them on one phone`() = real {
        val one = Town.phone()
        val two = Town.phone()
        val order = one.order()
        one.lanewalk.orders { verify(order, "", "养猫 12 只") }
        two.lanewalk.orders { verify(order, "", "养猫 3 只") }
        for (phone in listOf(one, two, one)) phone.lanewalk.round()
        val conflicts = listOf(one, two).map { phone -> phone.lanewalk.orders { conflicts() }.single { it.doc == order } }
        for (conflict in conflicts) {
            assertEquals(setOf("养猫 12 只", "养猫 3 只"), conflict.values.map { it.value }.toSet())
        }
        one.lanewalk.orders { settle(order, conflicts[0].key, "养猫 12 只") }
        for (phone in listOf(one, two)) {
            phone.lanewalk.round()
            val page = phone.lanewalk.orders { get(order) }
            assertEquals("养猫 12 只" to 0, page.verifiedFacts to page.conflicts.size)
            phone.lanewalk.close()
        }
    }

    @Test
    fun `a photo goes by path from the ticket to headquarters, through a death of the app`() = real {
        val phone = Town.phone()
        configure(phone.lanewalk)
        val order = phone.order()
        val visit = phone.lanewalk.visits { record(newVisit(VisitKind.SITE_CHECK, order = order)) }
        var screen: CaptureScreen = CaptureScreen.Idle
        val ticket = phone.lanewalk.photos { begin(visit, PhotoRole.BEFORE) }
        screen = screen.on(CaptureEvent.Begun(ticket))
        val shot = photoShot("楼道", PhotoScene.CORRIDOR)
        assertTrue(failure { phone.lanewalk.photos { finish(ticket.id, shot) } } is LanewalkException.Photo)
        picture(ticket.path)
        assertEquals(CaptureScreen.Shooting(ticket), screen)
        phone.lanewalk.close()

        phone.open()
        val lanewalk = phone.lanewalk
        configure(lanewalk)
        screen = CaptureScreen.Idle.on(CaptureEvent.Recovered(lanewalk.photos { tickets() }))
        screen = screen.on(CaptureEvent.Keep(shot))
        val finishing = screen as CaptureScreen.Finishing
        val photo = lanewalk.photos { finish(finishing.ticket.id, finishing.shot) }
        assertEquals(CaptureScreen.Done(photo), screen.on(CaptureEvent.Finished(photo)))
        assertEquals(listOf(photo to "楼道"), lanewalk.visits { get(visit) }.photos.map { it.id to it.caption })
        val thumbnail = lanewalk.photos { bytes(photo, PhotoPart.THUMBNAIL) }
        assertEquals(listOf(0xff, 0xd8), thumbnail.take(2).map { it.toInt() and 0xff })
        assertTrue(failure { lanewalk.photos { bytes(photo, PhotoPart.ORIGINAL) } } is LanewalkException.Invalid)
        assertEquals(3uL, lanewalk.photos { storage() }.unsentFiles)
        assertEquals(3uL, lanewalk.round().photoFiles)
        assertTrue(failure { lanewalk.photos { importFile(visit, PhotoRole.AFTER, "/nowhere/at-all.jpg", shot) } } is LanewalkException.Photo)
        lanewalk.close()
    }

    @Test
    fun `a listener that throws goes on hearing and hurts nobody`() = real {
        val phone = Town.phone()
        val once = CountDownLatch(1)
        val twice = CountDownLatch(2)
        val watch = phone.lanewalk.visits {
            watch(
                listQuery(),
                object : VisitListener {
                    override fun changed(update: VisitUpdate) {
                        once.countDown()
                        twice.countDown()
                        error("a screen that is gone")
                    }
                },
            )
        }
        val order = phone.order()
        assertTrue(once.await(20, TimeUnit.SECONDS))
        phone.lanewalk.visits { record(newVisit(VisitKind.SITE_CHECK, order = order)) }
        assertTrue(twice.await(20, TimeUnit.SECONDS))
        watch.cancel()
        assertTrue("a listener failed" in phone.log.lines)
        phone.lanewalk.close()
    }

    @Test
    fun `after the end every call says so and flows complete`() = real {
        val phone = Town.phone()
        val lanewalk = phone.lanewalk
        val first = CompletableDeferred<Unit>()
        val seen = launch { lanewalk.live.orders(listQuery()).collect { first.complete(Unit) } }
        first.await()
        lanewalk.close()
        seen.join()
        lanewalk.close()
        val calls = listOf<suspend () -> Unit>(
            { lanewalk.orders { list(listQuery()) } },
            { lanewalk.visits { list(listQuery()) } },
            { lanewalk.photos { tickets() } },
            { lanewalk.people { persons(listQuery()) } },
            { lanewalk.knowledge { list(listQuery()) } },
            { lanewalk.sync { status() } },
            { lanewalk.device { identity() } },
            { lanewalk.round() },
            { lanewalk.pause() },
            { lanewalk.live.status().first() },
            { lanewalk.live.orders(listQuery()).first() },
        )
        for ((at, call) in calls.withIndex()) assertTrue(failure { call() } is LanewalkException.Closed, "call $at")
    }

    @Test
    fun `paused calls say so and go on after, and a wrong key opens nothing`() = real {
        val phone = Town.phone()
        phone.lanewalk.pause()
        assertEquals(Remedy.RESUME, failure { phone.order() }.remedy())
        phone.lanewalk.resume()
        assertNotNull(phone.order())
        phone.lanewalk.close()
        assertTrue(failure { phone.open(JavaKeys(ByteArray(32) { 8 })) } is LanewalkException.Key)
        assertTrue(failure { phone.open(JavaKeys(ByteArray(5))) } is LanewalkException.Invalid)
    }

    @Test
    fun `a cancelled round ends and the next one goes on`() = real {
        val phone = Town.phone()
        val order = phone.order()
        phone.lanewalk.orders { note(order, "一") }
        val round = launch { phone.lanewalk.round() }
        round.cancelAndJoin()
        phone.lanewalk.round()
        assertEquals(0uL, phone.lanewalk.sync { status() }.pending)
        phone.lanewalk.close()
    }
}

/** Runs what must fail with one of the core's errors. */
suspend fun failure(call: suspend () -> Unit): LanewalkException {
    try {
        call()
    } catch (expected: LanewalkException) {
        return expected
    }
    return fail("should have failed")
}

/** Fonts of the repository, and room for a small disk. */
suspend fun configure(lanewalk: Lanewalk) {
    val font = FontFile(Town.root.resolve("rust-core/media/fonts/NotoSansSC-GB2312.otf").toString(), null)
    lanewalk.photos { configure(PhotoSettings(listOf(font), budgetBytes = null, keepFreeBytes = 1uL)) }
}
