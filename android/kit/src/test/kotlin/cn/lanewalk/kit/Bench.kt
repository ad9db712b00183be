package cn.lanewalk.kit

import cn.lanewalk.core.ListQuery
import cn.lanewalk.core.NewVisit
import cn.lanewalk.core.PhotoRole
import cn.lanewalk.core.PhotoShot
import cn.lanewalk.core.VisitKind
import cn.lanewalk.core.VisitListener
import cn.lanewalk.core.VisitRow
import cn.lanewalk.core.VisitUpdate
import java.nio.file.Path
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.Semaphore
import kotlin.io.path.copyTo
import kotlin.io.path.createTempFile
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.condition.EnabledIfSystemProperty

/** What the edge costs from a JVM; run by `./test bench`. */
class BenchTest {
    @Test
    @EnabledIfSystemProperty(named = "lanewalk.bench", matches = "true")
    fun measure() = main()
}

fun main(): Unit = runBlocking {
    val phone = Town.phone()
    val lanewalk = phone.lanewalk
    val order = phone.order()
    configure(lanewalk)
    val visit = lanewalk.visits { record(NewVisit(VisitKind.SITE_CHECK, order = order)) }
    lanewalk.visits {
        repeat(50) { record(NewVisit(VisitKind.SITE_CHECK, order = order, notes = "第 $it 次")) }
    }
    lanewalk.sync { report("status, on this thread", 2000) { status() } }
    report("status, through the dispatcher", 2000) { runBlocking { lanewalk.sync { status() } } }
    val orders = lanewalk.orders { list(ListQuery()) }.size
    lanewalk.orders { report("page of $orders orders", 500) { list(ListQuery()) } }
    lanewalk.visits { report("page of 50 visits", 500) { check(list(ListQuery()).size == 50) } }
    lanewalk.orders { report("an order's page", 200) { get(order) } }
    lanewalk.orders { report("save a note", 200) { note(order, "一") } }

    diffs(lanewalk, lanewalk.orders { list(ListQuery(openOnly = true)) }.last().id)

    val source = createTempFile(suffix = ".png").also { picture(it.toString(), 1600, 1200) }
    lanewalk.photos {
        val tickets = generateSequence {
            begin(visit, PhotoRole.DURING).also { source.copyTo(Path.of(it.path), overwrite = true) }
        }.take(13).toList().iterator()
        report("photo by path (PNG, 2 megapixels)", 10) { finish(tickets.next().id, PhotoShot("楼道")) }
    }
    lanewalk.close()
}

/**
 * A thousand visits change while the listener is held; what is measured is from its release to the
 * folded list of the one step that tells of them all, the core's reading of the rows included.
 */
private suspend fun diffs(lanewalk: Lanewalk, order: String) {
    val visits = lanewalk.visits { List(ROWS) { record(NewVisit(VisitKind.CARE, order = order)) } }
    val told = LinkedBlockingQueue<Pair<Int, Long>>()
    val go = Semaphore(0)
    val fold = Fold<VisitRow>()
    val watch = lanewalk.visits {
        watch(
            ListQuery(parent = order, limit = ROWS.toUInt()),
            object : VisitListener {
                override fun changed(update: VisitUpdate) {
                    fold.take(update.steps())
                    told.put(((update as? VisitUpdate.Diff)?.changes?.size ?: 0) to System.nanoTime())
                    go.acquire()
                }
            },
        )
    }
    told.take()
    val taken = LongArray(6) { round ->
        lanewalk.visits { visits.forEach { notes(it, "第 $round 遍") } }
        val from = System.nanoTime()
        go.release()
        val (changes, at) = told.take()
        check(changes == ROWS) { "$changes changes" }
        at - from
    }
    watch.cancel()
    go.release()
    print("1,000 diffs through a listener", taken)
}

private const val ROWS = 1000

/** Prints the middle and the slow end of what a call takes, in ms, after a warm-up. */
private fun report(what: String, times: Int, call: () -> Unit) {
    repeat(maxOf(3, times / 4)) { call() }
    print(what, LongArray(times) { val from = System.nanoTime(); call(); System.nanoTime() - from })
}

private fun print(what: String, taken: LongArray) {
    taken.sort()
    val ms = { share: Double -> taken[((taken.size - 1) * share).toInt()] / 1e6 }
    println("%-36s n=%-5d p50 %8.3f ms  p95 %8.3f ms".format(what, taken.size, ms(0.5), ms(0.95)))
}
