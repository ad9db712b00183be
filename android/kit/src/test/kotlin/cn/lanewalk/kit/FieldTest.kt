package cn.lanewalk.kit

import cn.lanewalk.core.LanewalkException
import cn.lanewalk.core.ListQuery
import cn.lanewalk.core.Network
import cn.lanewalk.core.NewProposal
import cn.lanewalk.core.NewVisit
import cn.lanewalk.core.PhotoPart
import cn.lanewalk.core.PhotoRole
import cn.lanewalk.core.PhotoScene
import cn.lanewalk.core.PhotoShot
import cn.lanewalk.core.ProposalKind
import cn.lanewalk.core.Standing
import cn.lanewalk.core.VisitKind
import cn.lanewalk.core.VisitResult
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.fold
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

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
        // The code alone gives nothing: an administrator compares the fingerprint.
        assertTrue(lanewalk.device { standing() } is Standing.Waiting)
        assertEquals("not_confirmed", failure { lanewalk.round() }.reason().code)
        Town.confirm()
        lanewalk.round()
        assertEquals(Standing.Active, lanewalk.device { standing() })
        val other = Phone(Town.folder()).apply { open() }
        assertEquals(Remedy.ASK_OFFICE, failure { other.lanewalk.device { enrol(invitation) } }.remedy())
        lanewalk.close()
        other.lanewalk.close()
    }

    @Test
    fun `a day without network is saved, then sent, then answered`() = real {
        val phone = Town.phone()
        val lanewalk = phone.lanewalk
        phone.line.now = Network.OFFLINE
        val open = lanewalk.orders { list(ListQuery(openOnly = true)) }
        val order = open.first { it.state.code == "state.DISPATCHED" }.id
        val before = lanewalk.orders { get(order) }
        assertTrue(before.actions.any { it.proposal == ProposalKind.ACK }, "${before.actions}")
        lanewalk.orders { propose(order, NewProposal(ProposalKind.ACK, "现场需要")) }
        val made = NewVisit(VisitKind.SITE_CHECK, order = order, result = VisitResult.MET, notes = "已到现场")
        val visit = lanewalk.visits { record(made) }
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
        val conflicts = listOf(one, two).map { phone ->
            phone.lanewalk.orders { conflicts() }.single { it.doc == order }
        }
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
        val visit = phone.lanewalk.visits { record(NewVisit(VisitKind.SITE_CHECK, order = order)) }
        var screen: CaptureScreen = CaptureScreen.Idle
        val ticket = phone.lanewalk.photos { begin(visit, PhotoRole.BEFORE) }
        screen = screen.on(CaptureEvent.Begun(ticket))
        val shot = PhotoShot(caption = "楼道", scene = PhotoScene.CORRIDOR)
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
        for (path in listOf("/nowhere/at-all.jpg", "/", "", "a\u0000b")) {
            val wrong = failure { lanewalk.photos { importFile(visit, PhotoRole.AFTER, path, shot) } }
            assertTrue(wrong is LanewalkException.Photo, "$path: $wrong")
        }
        lanewalk.close()
    }

    @Test
    fun `a cancelled round ends and the next one goes on`() = real {
        val phone = Town.phone()
        val order = phone.order()
        phone.lanewalk.orders { note(order, "一") }
        val round = launch { phone.lanewalk.round() }
        // The core asks for the network at the begin of a round, before its first request.
        phone.line.asked = { round.cancel() }
        round.join()
        assertEquals(1uL, phone.lanewalk.sync { status() }.pending)
        phone.line.asked = {}
        phone.lanewalk.round()
        assertEquals(0uL, phone.lanewalk.sync { status() }.pending)
        phone.lanewalk.close()
    }
}
