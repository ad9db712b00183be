package cn.lanewalk.kit

import cn.lanewalk.core.LanewalkException
import kotlin.time.Duration
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.SharingStarted
import kotlinx.coroutines.flow.channelFlow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.shareIn
import kotlinx.coroutines.launch

/**
 * Says at an interval that time has passed, while somebody looks.
 *
 * However many lists are collected, there is one beat: each tick makes the core recount them all.
 */
internal class Ticker(scope: CoroutineScope, private val every: Duration, private val tick: () -> Unit) {
    private val beats = flow<Nothing> {
        while (true) {
            delay(every)
            beat()
        }
    }.shareIn(scope, SharingStarted.WhileSubscribed())

    /** Ticks while the returned flow is collected. */
    fun <T> during(flow: Flow<T>): Flow<T> = channelFlow {
        val beating = launch { beats.collect {} }
        flow.collect { send(it) }
        beating.cancel()
    }

    private fun beat() {
        try {
            tick()
        } catch (_: LanewalkException) {
            // Paused, or about to end. Left out: what is wrong is said by the next call of a screen.
        }
    }
}
