package cn.lanewalk.kit

import cn.lanewalk.core.Connectivity
import cn.lanewalk.core.Device
import cn.lanewalk.core.DeviceSigner
import cn.lanewalk.core.Field
import cn.lanewalk.core.KeyStore
import cn.lanewalk.core.Knowledge
import cn.lanewalk.core.LanewalkException
import cn.lanewalk.core.LogSink
import cn.lanewalk.core.OpenConfig
import cn.lanewalk.core.Orders
import cn.lanewalk.core.People
import cn.lanewalk.core.Photos
import cn.lanewalk.core.Position
import cn.lanewalk.core.Round
import cn.lanewalk.core.Salvaged
import cn.lanewalk.core.StopToken
import cn.lanewalk.core.Sync
import cn.lanewalk.core.Visits
import kotlin.coroutines.resume
import kotlin.time.Duration
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.cancel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withContext

/** What the shell implements for the core; see the interfaces for what each may and must not do. */
class Shell(
    val keys: KeyStore,
    val signer: DeviceSigner,
    val connectivity: Connectivity? = null,
    val position: Position? = null,
    val log: LogSink? = null,
)

/**
 * The phone's core on coroutines: one per process and store.
 *
 * Each sub-client of the core is a suspend function that runs its block on the injected dispatcher:
 *
 *     val page = lanewalk.orders { get(id) }
 *     val visit = lanewalk.visits { record(form.toNewVisit()) }
 *
 * so that what the core can do, and its documentation, stand in one place. Errors are
 * [LanewalkException]s. A block that has begun runs to its end also when its caller is cancelled:
 * what it writes is saved.
 */
class Lanewalk private constructor(
    private val field: Field,
    private val io: CoroutineDispatcher,
    tickEvery: Duration,
) {
    private val scope = CoroutineScope(SupervisorJob() + io)
    private val ticker = Ticker(scope, tickEvery) { field.tick() }

    /** The live lists. */
    val live: Live = Live(field, io, scope, ticker)

    /** Work orders. */
    suspend fun <T> orders(call: Orders.() -> T): T = on { orders().use(call) }

    /** Visits and appeals. */
    suspend fun <T> visits(call: Visits.() -> T): T = on { visits().use(call) }

    /** Photos. */
    suspend fun <T> photos(call: Photos.() -> T): T = on { photos().use(call) }

    /** Residents, places, care. */
    suspend fun <T> people(call: People.() -> T): T = on { people().use(call) }

    /** Knowledge base, response plans, catalogue, grids. */
    suspend fun <T> knowledge(call: Knowledge.() -> T): T = on { knowledge().use(call) }

    /** What waits and what was refused; rounds are run with [round]. */
    suspend fun <T> sync(call: Sync.() -> T): T = on { sync().use(call) }

    /** Who this phone is, enrolment, upkeep. */
    suspend fun <T> device(call: Device.() -> T): T = on { device().use(call) }

    /**
     * Runs a round with headquarters. Cancelling asks the round to end before its next request and
     * waits for that; what headquarters has acknowledged by then counts.
     */
    suspend fun round(): Round = coroutineScope {
        val stop = StopToken()
        val round = async(io, CoroutineStart.LAZY) { field.sync().use { it.run(stop) } }
        // Who cancels asks at once, on their own thread; the scope then waits for the round's end. The
        // round starts when it can be asked.
        suspendCancellableCoroutine { waiting ->
            waiting.invokeOnCancellation { stop.stop() }
            round.invokeOnCompletion { waiting.resume(Unit) }
            round.start()
        }
        round.await()
    }

    /** Runs a round for [SyncScreen]: its begin, then how it ended. */
    fun rounds(): Flow<SyncEvent> = flow {
        emit(SyncEvent.Started)
        val end = try {
            SyncEvent.Ended(round())
        } catch (failure: LanewalkException) {
            SyncEvent.Failed(failure)
        }
        emit(end)
    }

    /** Closes the files until [resume]; to be called before the system suspends the app. */
    suspend fun pause(): Unit = on { pause() }

    /** Opens the files again. */
    suspend fun resume(): Unit = on { resume() }

    /** Ends every flow and round for good; calls after it throw [LanewalkException.Closed]. */
    suspend fun close() {
        scope.cancel()
        // The handle itself is left to the collector: calls on a destroyed one would throw an
        // IllegalStateException instead of the typed Closed.
        withContext(NonCancellable + io) { field.shutdown() }
    }

    private suspend fun <T> on(call: Field.() -> T): T = withContext(io) { typed { field.call() } }

    companion object {
        /**
         * Begins a new store with what can be read of a damaged one; ask the person first, then [open]. It runs
         * to its end also when its caller is cancelled.
         */
        suspend fun salvage(directory: String, keys: KeyStore, io: CoroutineDispatcher): Salvaged =
            withContext(io) { cn.lanewalk.core.salvage(directory, keys) }

        /**
         * Opens the store in `directory`, the app's private folder.
         *
         * @param io where every call of the core runs: `Dispatchers.IO` in an app.
         * @param tickEvery how often the time left is counted anew while a list is looked at.
         */
        suspend fun open(
            config: OpenConfig,
            shell: Shell,
            io: CoroutineDispatcher,
            tickEvery: Duration = 1.minutes,
        ): Lanewalk {
            var field: Field? = null
            try {
                return withContext(io) {
                    val opened = with(shell) { Field.open(config, keys, signer, connectivity, position, log) }
                    field = opened
                    Lanewalk(opened, io, tickEvery)
                }
            } catch (cancelled: CancellationException) {
                // Opened for nobody: the store must be free for the next one who opens it.
                withContext(NonCancellable + io) { field?.shutdown() }
                throw cancelled
            }
        }
    }
}
