package cn.lanewalk.kit

import cn.lanewalk.core.PhotoShot
import cn.lanewalk.core.PhotoTicket

/**
 * A photo from the ticket to the finished picture.
 *
 * The ticket is on the disk before the camera opens. When the system kills the app meanwhile, the
 * screen starts again with [CaptureEvent.Recovered] and nothing of it has to be kept by a shell.
 */
sealed interface CaptureScreen {
    /** Nothing is being taken. */
    data object Idle : CaptureScreen

    /** The camera is open and writes to the ticket's path. */
    data class Shooting(val ticket: PhotoTicket) : CaptureScreen

    /** The camera wrote: keep or drop. [others] wait for the same after a kill. */
    data class Taken(val ticket: PhotoTicket, val others: List<PhotoTicket> = emptyList()) : CaptureScreen

    /** Being taken in. */
    data class Finishing(val ticket: PhotoTicket, val shot: PhotoShot, val others: List<PhotoTicket>) : CaptureScreen

    /** Not taken in: the ticket and the file are still there; again or drop. */
    data class Failed(
        val ticket: PhotoTicket,
        val shot: PhotoShot,
        val problem: Problem,
        val others: List<PhotoTicket>,
    ) : CaptureScreen

    /** In the store. */
    data class Done(val photo: String) : CaptureScreen

    /** No ticket could be had: no room, or not allowed. */
    data class Refused(val problem: Problem) : CaptureScreen
}

/** What happens to [CaptureScreen]. */
sealed interface CaptureEvent {
    /** The tickets found when the screen starts. Those without a file are for the shell to drop. */
    data class Recovered(val tickets: List<PhotoTicket>) : CaptureEvent
    data class Begun(val ticket: PhotoTicket) : CaptureEvent
    data object CameraWrote : CaptureEvent

    /** Keeps the photo; after a failure, tries again. */
    data class Keep(val shot: PhotoShot) : CaptureEvent
    data class Finished(val photo: String) : CaptureEvent

    /** The ticket was dropped, or the camera came back with nothing and its ticket was dropped. */
    data object Dropped : CaptureEvent
    data class Failed(val problem: Problem) : CaptureEvent
}

/** Returns the screen after an event. */
fun CaptureScreen.on(event: CaptureEvent): CaptureScreen = when (this) {
    is CaptureScreen.Idle, is CaptureScreen.Done, is CaptureScreen.Refused -> when (event) {
        is CaptureEvent.Recovered -> next(event.tickets.filter { it.hasFile })
        is CaptureEvent.Begun -> CaptureScreen.Shooting(event.ticket)
        is CaptureEvent.Failed -> CaptureScreen.Refused(event.problem)
        else -> this
    }
    is CaptureScreen.Shooting -> when (event) {
        is CaptureEvent.CameraWrote -> CaptureScreen.Taken(ticket.copy(hasFile = true))
        is CaptureEvent.Dropped -> CaptureScreen.Idle
        else -> this
    }
    is CaptureScreen.Taken -> when (event) {
        is CaptureEvent.Keep -> CaptureScreen.Finishing(ticket, event.shot, others)
        is CaptureEvent.Dropped -> next(others)
        else -> this
    }
    is CaptureScreen.Finishing -> when (event) {
        is CaptureEvent.Finished -> if (others.isEmpty()) CaptureScreen.Done(event.photo) else next(others)
        is CaptureEvent.Failed -> CaptureScreen.Failed(ticket, shot, event.problem, others)
        else -> this
    }
    is CaptureScreen.Failed -> when (event) {
        is CaptureEvent.Keep -> CaptureScreen.Finishing(ticket, event.shot, others)
        is CaptureEvent.Dropped -> next(others)
        else -> this
    }
}

private fun next(waiting: List<PhotoTicket>): CaptureScreen =
    if (waiting.isEmpty()) CaptureScreen.Idle else CaptureScreen.Taken(waiting.first(), waiting.drop(1))
