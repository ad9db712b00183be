package cn.lanewalk.kit

import cn.lanewalk.core.OrderAction
import cn.lanewalk.core.OrderView

/** The page of one order. Its buttons are [OrderView.actions] and no others. */
sealed interface OrderScreen {
    data class Loading(val order: String) : OrderScreen

    data class Shown(
        val page: OrderView,
        /** Whose form is open, or that is being saved. */
        val action: OrderAction? = null,
        /** It is being saved; no second tap counts. */
        val saving: Boolean = false,
        /** Why it was not saved; the form stays open with its words. */
        val problem: Problem? = null,
    ) : OrderScreen

    /** Its page may not be shown now. */
    data class Failed(val order: String, val problem: Problem) : OrderScreen

    /** Not on this phone any more. */
    data object Gone : OrderScreen
}

/** What happens to [OrderScreen]. */
sealed interface OrderEvent {
    /** The page as [Live.order] tells it; null when the order has left this phone. */
    data class Told(val page: OrderView?) : OrderEvent

    /** A button was tapped. */
    data class Chosen(val action: OrderAction) : OrderEvent

    /** The form was sent off. */
    data object Sent : OrderEvent

    /** It is on the disk; the page is told anew. */
    data object Saved : OrderEvent

    /** The form was put away. */
    data object Dismissed : OrderEvent
    data class Failed(val problem: Problem) : OrderEvent
}

/** Returns the screen after an event. */
fun OrderScreen.on(event: OrderEvent): OrderScreen = when (this) {
    is OrderScreen.Loading -> when (event) {
        is OrderEvent.Told -> event.page?.let { OrderScreen.Shown(it) } ?: OrderScreen.Gone
        is OrderEvent.Failed -> OrderScreen.Failed(order, event.problem)
        else -> this
    }
    is OrderScreen.Failed, is OrderScreen.Gone -> if (event !is OrderEvent.Told) this else
        event.page?.let { OrderScreen.Shown(it) } ?: OrderScreen.Gone
    is OrderScreen.Shown -> when (event) {
        // A form stays open with its words when its action or the whole order went away: the core says
        // why when it is sent.
        is OrderEvent.Told -> when {
            event.page != null -> copy(page = event.page)
            action == null -> OrderScreen.Gone
            else -> this
        }
        is OrderEvent.Chosen -> when {
            saving || event.action !in page.actions -> this
            else -> copy(action = event.action, problem = null)
        }
        is OrderEvent.Sent -> if (action == null) this else copy(saving = true, problem = null)
        is OrderEvent.Saved -> copy(action = null, saving = false, problem = null)
        is OrderEvent.Dismissed -> if (saving) this else copy(action = null, problem = null)
        is OrderEvent.Failed -> copy(saving = false, problem = event.problem)
    }
}
