package cn.lanewalk.kit

import cn.lanewalk.core.LanewalkException
import cn.lanewalk.core.Round
import cn.lanewalk.core.StatusView

/** How things stand with headquarters. */
sealed interface SyncScreen {
    /** What waits; nothing before it was told. */
    val status: StatusView?

    /** No round runs. [last] is what the last one did. */
    data class Idle(override val status: StatusView? = null, val last: Round? = null) : SyncScreen

    data class Running(override val status: StatusView?) : SyncScreen

    /** No way to headquarters: everything is saved here; when the network comes back, again. */
    data class Offline(override val status: StatusView?, val problem: Problem) : SyncScreen

    /** Busy: again by itself after [Problem.retryAfterS], or at the next occasion. */
    data class Wait(override val status: StatusView?, val problem: Problem) : SyncScreen

    /** A person has to act: [Problem.remedy] says how. No round is tried by itself. */
    data class Stopped(override val status: StatusView?, val problem: Problem) : SyncScreen
}

/** What happens to [SyncScreen]; [Lanewalk.rounds] makes the last three. */
sealed interface SyncEvent {
    data class Status(val status: StatusView) : SyncEvent
    data object Started : SyncEvent
    data class Ended(val round: Round) : SyncEvent
    data class Failed(val failure: LanewalkException) : SyncEvent
}

/** Returns the screen after an event. */
fun SyncScreen.on(event: SyncEvent): SyncScreen = when (event) {
    is SyncEvent.Status -> when (this) {
        is SyncScreen.Idle -> copy(status = event.status)
        is SyncScreen.Running -> copy(status = event.status)
        is SyncScreen.Offline -> copy(status = event.status)
        is SyncScreen.Wait -> copy(status = event.status)
        is SyncScreen.Stopped -> copy(status = event.status)
    }
    is SyncEvent.Started -> SyncScreen.Running(status)
    is SyncEvent.Ended -> SyncScreen.Idle(status, event.round)
    is SyncEvent.Failed -> failed(event.failure)
}

private fun SyncScreen.failed(failure: LanewalkException): SyncScreen {
    val problem = failure.problem()
    return when (failure) {
        is LanewalkException.Offline -> SyncScreen.Offline(status, problem)
        is LanewalkException.Wait -> SyncScreen.Wait(status, problem)
        // The app went to sleep in the middle: the next round goes on.
        is LanewalkException.Paused -> SyncScreen.Idle(status)
        is LanewalkException.Key,
        is LanewalkException.UpdateApp,
        is LanewalkException.StoreDamaged,
        is LanewalkException.StorageFull,
        is LanewalkException.NotEnrolled,
        is LanewalkException.Closed,
        is LanewalkException.NotFound,
        is LanewalkException.NotAllowed,
        is LanewalkException.Connect,
        is LanewalkException.Invalid,
        is LanewalkException.Photo,
        is LanewalkException.DeviceStopped,
        is LanewalkException.Invitation,
        is LanewalkException.Internal,
        -> SyncScreen.Stopped(status, problem)
    }
}
