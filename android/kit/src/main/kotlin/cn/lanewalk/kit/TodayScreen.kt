package cn.lanewalk.kit

import cn.lanewalk.core.OrderRow
import cn.lanewalk.core.StatusView

/** Today's list: the open orders as the core sorted them, and what waits. */
sealed interface TodayScreen {
    /** How the store stands, as soon as it is known. */
    val status: StatusView?

    data class Loading(override val status: StatusView? = null) : TodayScreen

    /** @property problem of a refresh that failed; the rows stay. */
    data class Ready(
        val orders: List<OrderRow>,
        override val status: StatusView?,
        val problem: Problem? = null,
    ) : TodayScreen

    /** There is nothing to show but why. */
    data class Failed(val problem: Problem, override val status: StatusView?) : TodayScreen
}

/** What happens to [TodayScreen]. */
sealed interface TodayEvent {
    data class Listed(val orders: List<OrderRow>) : TodayEvent
    data class Status(val status: StatusView) : TodayEvent
    data class Failed(val problem: Problem) : TodayEvent
}

/** Returns the screen after an event. */
fun TodayScreen.on(event: TodayEvent): TodayScreen = when (event) {
    is TodayEvent.Listed -> TodayScreen.Ready(event.orders, status)
    is TodayEvent.Status -> when (this) {
        is TodayScreen.Loading -> copy(status = event.status)
        is TodayScreen.Ready -> copy(status = event.status)
        is TodayScreen.Failed -> copy(status = event.status)
    }
    is TodayEvent.Failed -> when (this) {
        is TodayScreen.Ready -> copy(problem = event.problem)
        is TodayScreen.Loading, is TodayScreen.Failed -> TodayScreen.Failed(event.problem, status)
    }
}
