package cn.lanewalk.kit

import cn.lanewalk.core.LanewalkException
import cn.lanewalk.core.VisitKind
import cn.lanewalk.core.VisitListener
import cn.lanewalk.core.VisitUpdate
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.fail

/** What must not end an app: listeners that fail, calls too late, odd input. */
class EdgeTest {
    @Test
    fun `a listener that throws goes on hearing and hurts nobody`() = real {
        val phone = Town.phone()
        val told = CopyOnWriteArrayList<VisitUpdate>()
        val once = CountDownLatch(1)
        val twice = CountDownLatch(2)
        val watch = phone.lanewalk.visits {
            watch(
                listQuery(),
                object : VisitListener {
                    override fun changed(update: VisitUpdate) {
                        told.add(update)
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
        assertTrue(told[0] is VisitUpdate.Reset && told[1] is VisitUpdate.Diff, "$told")
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
    fun `no text however odd breaks anything`() = real {
        val phone = Town.phone()
        val lanewalk = phone.lanewalk
        val order = phone.order()
        val half = "\ud83d"
        val long = "x".repeat(10_000_000)
        val odd = listOf("", "\u0000", "a\u0000b", half, long, "'; DROP TABLE list;--", "\ufeff\u202e")
        val calls = listOf<suspend (String) -> Unit>(
            { lanewalk.orders { note(order, it) } },
            { lanewalk.orders { get(it) } },
            { lanewalk.orders { search(it, 10u) } },
            { lanewalk.orders { settle(order, it, it) } },
            { lanewalk.orders { list(listQuery(parent = it)) } },
            { lanewalk.visits { record(newVisit(VisitKind.CARE, order = order, notes = it)) } },
            { lanewalk.photos { dropTicket(it) } },
            { lanewalk.device { enrol(it) } },
        )
        for (text in odd) for ((at, call) in calls.withIndex()) {
            try {
                call(text)
            } catch (refused: LanewalkException) {
                assertFalse(refused is LanewalkException.Internal, "call $at with ${text.take(9)}: $refused")
            }
        }
        val wrong = failure { lanewalk.live.orders(listQuery(parent = half)).first() }
        assertEquals(Remedy.MARK_FIELD, wrong.remedy())
        assertEquals(order, phone.order())
        lanewalk.close()
    }
}
