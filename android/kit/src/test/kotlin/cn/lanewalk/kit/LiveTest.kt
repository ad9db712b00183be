package cn.lanewalk.kit

import cn.lanewalk.core.AppealKind
import cn.lanewalk.core.LanewalkException
import cn.lanewalk.core.ListQuery
import cn.lanewalk.core.NewAppeal
import cn.lanewalk.core.NewPerson
import cn.lanewalk.core.NewPlace
import cn.lanewalk.core.NewProposal
import cn.lanewalk.core.NewVisit
import cn.lanewalk.core.PlaceKind
import cn.lanewalk.core.ProposalKind
import cn.lanewalk.core.VisitKind
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.channels.ReceiveChannel
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.produceIn
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.advanceTimeBy
import kotlinx.coroutines.test.runCurrent
import kotlinx.coroutines.test.runTest
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Listeners as flows. */
class LiveTest {
    @Test
    fun `a list comes whole, then after each change, and ends when nobody looks`() = real {
        val phone = Town.phone()
        val lanewalk = phone.lanewalk
        val query = ListQuery(openOnly = true)
        val seen = lanewalk.live.orders(query).produceIn(this)
        val first = seen.receive()
        assertEquals(lanewalk.orders { list(query) }.map { it.id }, first.map { it.id })
        val order = first.first { it.state.code == "state.DISPATCHED" }.id
        lanewalk.orders { propose(order, NewProposal(ProposalKind.ACK, "现场需要")) }
        val next = seen.first { rows -> rows.any { it.id == order && it.waiting == 1u } }
        assertEquals(lanewalk.orders { list(query) }.map { it.id }, next.map { it.id })
        seen.cancel()
        lanewalk.close()
    }

    @Test
    fun `every kind of list is live, empty ones too`() = real {
        val phone = Town.phone()
        val lanewalk = phone.lanewalk
        val live = lanewalk.live
        val order = phone.order()
        val grid = lanewalk.device { identity() }!!.grids.first()
        val nobodys = ListQuery(parent = "order:" + "0".repeat(32))
        assertEquals(emptyList<Any>(), live.visits(nobodys).first())
        assertEquals(lanewalk.knowledge { list(ListQuery()) }, live.knowledge(ListQuery()).first())

        val all = ListQuery(limit = 1000u)
        val visits = live.visits(ListQuery(parent = order, limit = 1000u)).produceIn(this)
        val appeals = live.appeals(all).produceIn(this)
        val persons = live.persons(all).produceIn(this)
        val places = live.places(all).produceIn(this)
        val status = live.status().produceIn(this)
        assertEquals(0uL, status.receive().pending)
        val visit = lanewalk.visits { record(NewVisit(VisitKind.SITE_CHECK, order = order)) }
        visits.first { rows -> rows.any { it.id == visit } }
        status.first { it.pending == 1uL }
        val dark = NewAppeal(AppealKind.HELP, "路灯不亮", placeText = "北门", grid = grid)
        val appeal = lanewalk.visits { appeal(dark) }
        appeals.first { rows -> rows.any { it.id == appeal && it.text == "路灯不亮" } }
        val person = lanewalk.people { newPerson(NewPerson("王建国", "走访登记", grid = grid)) }
        persons.first { rows -> rows.any { it.id == person } }
        val place = lanewalk.people { newPlace(NewPlace("3号楼2单元", PlaceKind.SHOP, "小卖部", grid)) }
        places.first { rows -> rows.any { it.id == place } }
        lanewalk.round()
        status.first { it.pending == 0uL }
        listOf(visits, appeals, persons, places, status).forEach { it.cancel() }
        lanewalk.close()
    }

    @Test
    fun `an order's page is live, and so are the conflicts`() = real {
        val phone = Town.phone()
        val lanewalk = phone.lanewalk
        val order = phone.order()
        val pages = lanewalk.live.order(order).produceIn(this)
        var screen: OrderScreen = OrderScreen.Loading(order)
        screen = screen.on(OrderEvent.Told(pages.receive()))
        assertEquals(OrderScreen.Shown(lanewalk.orders { get(order) }), screen)
        lanewalk.orders { note(order, "楼道已查看") }
        screen = screen.on(OrderEvent.Told(pages.first { page -> page!!.notes.any { it.text == "楼道已查看" } }))
        assertEquals(OrderScreen.Shown(lanewalk.orders { get(order) }), screen)
        assertEquals(lanewalk.orders { conflicts() }, lanewalk.live.conflicts().first())
        val nowhere = failure { lanewalk.live.order("order:" + "0".repeat(32)).first() }
        assertTrue(nowhere is LanewalkException.NotFound, "$nowhere")
        pages.cancel()
        lanewalk.close()
    }

    @Test
    fun `a slow collector gets the last list whole`() = real {
        val phone = Town.phone()
        val lanewalk = phone.lanewalk
        val order = phone.order()
        val mine = ListQuery(parent = order, limit = 1000u)
        val begun = CompletableDeferred<Unit>()
        val leave = CompletableDeferred<Unit>()
        val visits = mutableListOf<String>()
        var lists = 0
        var last = emptyList<String>()
        val slow = launch {
            lanewalk.live.visits(mine).first { rows ->
                begun.complete(Unit)
                leave.await()
                lists++
                last = rows.map { it.id }
                last.containsAll(visits)
            }
        }
        begun.await()
        repeat(20) { visits += lanewalk.visits { record(NewVisit(VisitKind.SITE_CHECK, order = order)) } }
        leave.complete(Unit)
        slow.join()
        assertEquals(lanewalk.visits { list(mine) }.map { it.id }, last)
        assertTrue(lists < 20, "$lists lists for 20 changes")
        lanewalk.close()
    }

    @OptIn(ExperimentalCoroutinesApi::class)
    @Test
    fun `the minute beats once for all lists, and only while one is looked at`() = runTest {
        var ticks = 0
        val ticker = Ticker(backgroundScope, 1.minutes) { ticks++ }
        val list = ticker.during(flow { emit(1); awaitCancellation() })
        advanceTimeBy(10.minutes)
        assertEquals(0, ticks)
        val one = launch { list.collect {} }
        val two = launch { list.collect {} }
        advanceTimeBy(3.minutes + 1.seconds)
        assertEquals(3, ticks)
        one.cancel()
        advanceTimeBy(1.minutes)
        assertEquals(4, ticks)
        two.cancel()
        advanceTimeBy(10.minutes)
        runCurrent()
        assertEquals(4, ticks)
    }
}

private suspend fun <T> ReceiveChannel<T>.first(fits: (T) -> Boolean): T {
    while (true) receive().let { if (fits(it)) return it }
}
