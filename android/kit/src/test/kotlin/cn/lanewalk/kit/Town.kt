package cn.lanewalk.kit

import java.io.BufferedReader
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread

/** Headquarters with its demonstration data, in a process of its own; one for all tests. */
object Town {
    val root: Path = Path.of(System.getProperty("lanewalk.root")).toAbsolutePath().normalize()
    private val program = System.getProperty("lanewalk.program")
    private val data = Files.createTempDirectory("lanewalk-town-")
    private val phones = AtomicInteger()

    init {
        val serve = listOf(program, "serve", "--demo-data", "--data", "$data/hq", "--listen", "127.0.0.1:0")
        val server = ProcessBuilder(serve).redirectError(ProcessBuilder.Redirect.DISCARD).start()
        Runtime.getRuntime().addShutdownHook(
            thread(start = false) {
                server.destroyForcibly().waitFor()
                data.toFile().deleteRecursively()
            },
        )
        val out = server.inputStream.bufferedReader()
        val ready = out.waitFor { "console: http" in it || "控制台 / console" in it }
        checkNotNull(ready) { "headquarters did not start" }
        thread(isDaemon = true) { out.forEachLine { } }
    }

    /** Asks headquarters for an invitation, as an administrator does. */
    fun invitation(worker: String): String {
        val invite = listOf(program, "admin", "--data", "$data/hq", "invite", worker)
        val out = ProcessBuilder(invite).start().inputStream.bufferedReader().readText()
        return out.split(Regex("\\s+")).first { it.startsWith("lanewalk") }
    }

    /** Confirms every phone that waits, as an administrator who has compared the fingerprints. */
    fun confirm() {
        val admin = listOf(program, "admin", "--data", "$data/hq")
        val listed = ProcessBuilder(admin + "devices").start().inputStream.bufferedReader().readText()
        for (waiting in Regex("waiting: ((?:[0-9a-f]{4} ?){4})").findAll(listed)) {
            check(ProcessBuilder(admin + "confirm" + waiting.groupValues[1].trim()).start().waitFor() == 0)
        }
    }

    fun folder(): Path = data.resolve("phone-${phones.incrementAndGet()}")

    /** A phone that is enrolled and has synced once. */
    suspend fun phone(worker: String = "gw-03"): Phone = Phone(folder()).apply {
        open()
        val invitation = invitation(worker)
        lanewalk.device { enrol(invitation) }
        confirm()
        lanewalk.round()
    }
}

/** Reads lines until one fits; nothing when they end before. */
fun BufferedReader.waitFor(fits: (String) -> Boolean): String? = generateSequence { readLine() }.firstOrNull(fits)
