package cn.lanewalk.kit

import cn.lanewalk.core.NewVisit
import cn.lanewalk.core.PhotoTicket
import cn.lanewalk.core.VisitView

/**
 * A visit in progress: a form until it is saved, then the saved visit to which people met, consent
 * and photos are added. A shell keeps the form of [Draft] across process death by itself; what is
 * saved needs nothing kept but its id.
 */
sealed interface VisitScreen {
    /** Not saved yet. */
    data class Draft(val form: NewVisit, val problem: Problem? = null) : VisitScreen

    /** On its way to the disk. */
    data class Saving(val form: NewVisit) : VisitScreen

    /** On the disk; its page is being read. */
    data class Saved(val visit: String, val problem: Problem? = null) : VisitScreen

    /** On the disk and shown. */
    data class Open(
        val page: VisitView,
        /** Photos of it that a camera was opened for and that were neither finished nor dropped. */
        val tickets: List<PhotoTicket> = emptyList(),
        val problem: Problem? = null,
    ) : VisitScreen
}

/** What happens to [VisitScreen]. */
sealed interface VisitEvent {
    data class Edited(val form: NewVisit) : VisitEvent
    data object Save : VisitEvent
    data class Saved(val visit: String) : VisitEvent

    /** The page was read, after saving, after each addition, or of a visit opened from a list. */
    data class Read(val page: VisitView) : VisitEvent

    /** The tickets of every visit; those of others are left out. */
    data class Tickets(val tickets: List<PhotoTicket>) : VisitEvent
    data class Failed(val problem: Problem) : VisitEvent
}

/** Returns the screen after an event. */
fun VisitScreen.on(event: VisitEvent): VisitScreen = when (this) {
    is VisitScreen.Draft -> when (event) {
        is VisitEvent.Edited -> VisitScreen.Draft(event.form)
        is VisitEvent.Save -> VisitScreen.Saving(form)
        is VisitEvent.Failed -> copy(problem = event.problem)
        else -> this
    }
    is VisitScreen.Saving -> when (event) {
        is VisitEvent.Saved -> VisitScreen.Saved(event.visit)
        is VisitEvent.Failed -> VisitScreen.Draft(form, event.problem)
        else -> this
    }
    is VisitScreen.Saved -> when (event) {
        is VisitEvent.Read -> VisitScreen.Open(event.page)
        is VisitEvent.Failed -> copy(problem = event.problem)
        else -> this
    }
    is VisitScreen.Open -> when (event) {
        is VisitEvent.Read -> copy(page = event.page, problem = null)
        is VisitEvent.Tickets -> copy(tickets = event.tickets.filter { it.visit == page.id })
        is VisitEvent.Failed -> copy(problem = event.problem)
        else -> this
    }
}
