package cn.lanewalk.kit

import cn.lanewalk.core.AppealListener
import cn.lanewalk.core.AppealRow
import cn.lanewalk.core.AppealUpdate
import cn.lanewalk.core.ConflictView
import cn.lanewalk.core.ConflictsListener
import cn.lanewalk.core.Field
import cn.lanewalk.core.KnowledgeListener
import cn.lanewalk.core.KnowledgeRow
import cn.lanewalk.core.KnowledgeUpdate
import cn.lanewalk.core.ListQuery
import cn.lanewalk.core.OrderListener
import cn.lanewalk.core.OrderPageListener
import cn.lanewalk.core.OrderRow
import cn.lanewalk.core.OrderUpdate
import cn.lanewalk.core.OrderView
import cn.lanewalk.core.PersonListener
import cn.lanewalk.core.PersonRow
import cn.lanewalk.core.PersonUpdate
import cn.lanewalk.core.PlaceListener
import cn.lanewalk.core.PlaceRow
import cn.lanewalk.core.PlaceUpdate
import cn.lanewalk.core.StatusListener
import cn.lanewalk.core.StatusView
import cn.lanewalk.core.VisitListener
import cn.lanewalk.core.VisitRow
import cn.lanewalk.core.VisitUpdate
import cn.lanewalk.core.Watch
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.channels.ProducerScope
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.job

/**
 * Live lists as flows. Each collection is a watch of its own: the whole list first, also when it is
 * empty, then the whole list after each change; cancelling ends the watch. A slow collector misses
 * lists in between, never the last one. The flows complete when the store is closed. What is one value
 * (an order's page, the conflicts, the status) comes as it is, then each time it differs.
 */
class Live internal constructor(
    private val field: Field,
    private val io: CoroutineDispatcher,
    private val scope: CoroutineScope,
    private val ticker: Ticker,
) {
    /** Orders, with the time left counted anew every minute. */
    fun orders(query: ListQuery): Flow<List<OrderRow>> = ticker.during(watchedOrders(query))

    /** Visits; those of an order with `parent`. */
    fun visits(query: ListQuery): Flow<List<VisitRow>> = rows(VisitUpdate::steps) { tell ->
        val listener = object : VisitListener {
            override fun changed(update: VisitUpdate) = tell(update)
        }
        field.visits().use { it.watch(query, listener) }
    }

    /** Appeals. */
    fun appeals(query: ListQuery): Flow<List<AppealRow>> = rows(AppealUpdate::steps) { tell ->
        val listener = object : AppealListener {
            override fun changed(update: AppealUpdate) = tell(update)
        }
        field.visits().use { it.watchAppeals(query, listener) }
    }

    /** Residents. */
    fun persons(query: ListQuery): Flow<List<PersonRow>> = rows(PersonUpdate::steps) { tell ->
        val listener = object : PersonListener {
            override fun changed(update: PersonUpdate) = tell(update)
        }
        field.people().use { it.watchPersons(query, listener) }
    }

    /** Places. */
    fun places(query: ListQuery): Flow<List<PlaceRow>> = rows(PlaceUpdate::steps) { tell ->
        val listener = object : PlaceListener {
            override fun changed(update: PlaceUpdate) = tell(update)
        }
        field.people().use { it.watchPlaces(query, listener) }
    }

    /** Knowledge base and response plans. */
    fun knowledge(query: ListQuery): Flow<List<KnowledgeRow>> = rows(KnowledgeUpdate::steps) { tell ->
        val listener = object : KnowledgeListener {
            override fun changed(update: KnowledgeUpdate) = tell(update)
        }
        field.knowledge().use { it.watch(query, listener) }
    }

    /** An order's page with its time left, each time it reads differently; null when it has left this phone. */
    fun order(order: String): Flow<OrderView?> = ticker.during(
        watched { tell ->
            val listener = object : OrderPageListener {
                override fun changed(page: OrderView?) = tell { page }
            }
            field.orders().use { it.watchOrder(order, listener) }
        },
    )

    /** The fields that wait for a person. */
    fun conflicts(): Flow<List<ConflictView>> = watched { tell ->
        val listener = object : ConflictsListener {
            override fun changed(conflicts: List<ConflictView>) = tell { conflicts }
        }
        field.orders().use { it.watchConflicts(listener) }
    }

    /** How the store stands. */
    fun status(): Flow<StatusView> = watched { tell ->
        val listener = object : StatusListener {
            override fun changed(status: StatusView) = tell { status }
        }
        field.sync().use { it.watch(listener) }
    }

    private fun watchedOrders(query: ListQuery): Flow<List<OrderRow>> = rows(OrderUpdate::steps) { tell ->
        val listener = object : OrderListener {
            override fun changed(update: OrderUpdate) = tell(update)
        }
        field.orders().use { it.watch(query, listener) }
    }

    private fun <R, U> rows(steps: (U) -> List<Step<R>>, watch: ((U) -> Unit) -> Watch): Flow<List<R>> =
        watched { tell ->
            val fold = Fold<R>()
            watch { update -> tell { fold.take(steps(update)) } }
        }

    /** The one adapter of listeners: folded on the core's thread, so that conflating loses no step. */
    private fun <T> watched(start: (tell: (() -> T) -> Unit) -> Watch): Flow<T> = callbackFlow {
        val ended = scope.coroutineContext.job.invokeOnCompletion { close() }
        val watch = typed { start { next -> tell(next) } }
        awaitClose {
            ended.dispose()
            watch.cancel()
            watch.close()
        }
    }.conflate().flowOn(io)

    /** Sends; steps that do not fit the list end the flow with their cause instead of showing a wrong list. */
    private fun <T> ProducerScope<T>.tell(next: () -> T) {
        val value = try {
            next()
        } catch (wrong: IndexOutOfBoundsException) {
            close(wrong)
            return
        }
        trySend(value)
    }
}
