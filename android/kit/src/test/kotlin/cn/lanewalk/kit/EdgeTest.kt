package cn.lanewalk.kit

import cn.lanewalk.core.DeviceKey
import cn.lanewalk.core.DeviceSigner
import cn.lanewalk.core.ForeignException
import cn.lanewalk.core.LanewalkException
import cn.lanewalk.core.ListQuery
import cn.lanewalk.core.NewVisit
import cn.lanewalk.core.VisitKind
import cn.lanewalk.core.VisitListener
import cn.lanewalk.core.VisitUpdate
import java.nio.file.Files
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.fold
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
                ListQuery(),
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
        phone.lanewalk.visits { record(NewVisit(VisitKind.SITE_CHECK, order = order)) }
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
        val seen = launch { lanewalk.live.orders(ListQuery()).collect { first.complete(Unit) } }
        first.await()
        lanewalk.close()
        seen.join()
        lanewalk.close()
        val calls = listOf<suspend () -> Unit>(
            { lanewalk.orders { list(ListQuery()) } },
            { lanewalk.visits { list(ListQuery()) } },
            { lanewalk.photos { tickets() } },
            { lanewalk.people { persons(ListQuery()) } },
            { lanewalk.knowledge { list(ListQuery()) } },
            { lanewalk.sync { status() } },
            { lanewalk.device { identity() } },
            { lanewalk.round() },
            { lanewalk.pause() },
            { lanewalk.live.status().first() },
            { lanewalk.live.orders(ListQuery()).first() },
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
    fun `a lost or another key keeps nothing shut, and rounds say so`() = real {
        val phone = Town.phone()
        val order = phone.order()
        phone.lanewalk.orders { note(order, "还没上传") }
        phone.lanewalk.close()
        val lost = object : DeviceSigner {
            override fun publicKey(): ByteArray = throw ForeignException.Lost()

            override fun sign(message: ByteArray): ByteArray = throw ForeignException.Lost()
        }
        for ((signer, key) in listOf(lost to DeviceKey.LOST, JavaSigner() to DeviceKey.REPLACED)) {
            phone.open(signer = signer)
            assertEquals(order, phone.order())
            assertTrue("还没上传" in phone.lanewalk.sync { exportUnsent() })
            assertEquals(key, phone.lanewalk.sync { status() }.key)
            val stopped = phone.lanewalk.rounds().fold(SyncScreen.Idle() as SyncScreen) { s, event -> s.on(event) }
            assertEquals(Remedy.UNLOCK, (stopped as SyncScreen.Stopped).problem.remedy)
            phone.lanewalk.close()
        }
        phone.open()
        assertEquals(1uL, phone.lanewalk.round().acknowledged)
        phone.lanewalk.close()
    }

    @Test
    fun `a phone that waits, and a damaged store, are screens with a way on`() = real {
        val phone = Phone(Town.folder())
        phone.open()
        var screen: DeviceScreen = DeviceScreen.Loading
        suspend fun look() {
            screen = screen.on(DeviceEvent.Told(phone.lanewalk.device { standing() }))
        }
        look()
        assertEquals(DeviceScreen.Enrol(), screen)
        val invitation = Town.invitation("gw-03")
        phone.lanewalk.device { enrol(invitation) }
        look()
        assertTrue(Regex("([0-9a-f]{4} ?){4}").matches((screen as DeviceScreen.Compare).fingerprint))
        Town.confirm()
        phone.lanewalk.round()
        look()
        assertEquals(DeviceScreen.Active, screen)
        val order = phone.order()
        phone.lanewalk.orders { note(order, "还没上传") }
        phone.lanewalk.close()

        // One page after another is damaged, until one costs nothing that only this phone has.
        val file = phone.folder.resolve("lanewalk.db")
        val good = Files.readAllBytes(file)
        val saved = (good.size / 4096 - 1 downTo 1).firstNotNullOf { page ->
            phone.folder.toFile().listFiles { kept -> kept.name.startsWith("damaged-") }!!.forEach { it.deleteRecursively() }
            Files.write(file, good.clone().also { it[page * 4096 + 9] = (it[page * 4096 + 9] + 1).toByte() })
            val saved = Lanewalk.salvage(phone.folder.toString(), JavaKeys(), Dispatchers.IO)
            saved.takeIf { it.identity && it.missing == 0uL && it.unsent == 1uL }
        }
        assertEquals(0uL, saved.exportOnly)
        phone.open()
        look()
        assertEquals(DeviceScreen.Active, screen)
        assertEquals(1uL, phone.lanewalk.round().acknowledged)
        assertNotNull(phone.lanewalk.device { witness() }.checkpoint)
        phone.lanewalk.close()
        val sound = failure { Lanewalk.salvage(phone.folder.toString(), JavaKeys(), Dispatchers.IO) }
        assertEquals(Remedy.MARK_FIELD, sound.remedy())
        val junk = Phone(Town.folder())
        Files.createDirectories(junk.folder)
        Files.write(junk.folder.resolve("lanewalk.db"), ByteArray(8192) { 1 })
        val unreadable = failure { junk.open() }
        assertTrue(DeviceScreen.Loading.on(DeviceEvent.Failed(unreadable.problem())) is DeviceScreen.Shut, "$unreadable")
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
            { lanewalk.orders { list(ListQuery(parent = it)) } },
            { lanewalk.visits { record(NewVisit(VisitKind.CARE, order = order, notes = it)) } },
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
        val wrong = failure { lanewalk.live.orders(ListQuery(parent = half)).first() }
        assertEquals(Remedy.MARK_FIELD, wrong.remedy())
        assertEquals(order, phone.order())
        lanewalk.close()
    }
}
