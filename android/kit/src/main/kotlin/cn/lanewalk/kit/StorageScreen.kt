package cn.lanewalk.kit

import cn.lanewalk.core.FreedSpace
import cn.lanewalk.core.StorageView

/** Room for photos. */
sealed interface StorageScreen {
    data object Loading : StorageScreen

    data class Ready(
        val room: StorageView,
        /** Files are being given up. */
        val freeing: Boolean = false,
        /** What the last time gave up. */
        val freed: FreedSpace? = null,
        val problem: Problem? = null,
    ) : StorageScreen

    data class Failed(val problem: Problem) : StorageScreen
}

/** What happens to [StorageScreen]. */
sealed interface StorageEvent {
    data class Measured(val room: StorageView) : StorageEvent
    data object Freeing : StorageEvent
    data class Freed(val freed: FreedSpace) : StorageEvent
    data class Failed(val problem: Problem) : StorageEvent
}

/** Returns the screen after an event. */
fun StorageScreen.on(event: StorageEvent): StorageScreen = when (this) {
    is StorageScreen.Loading, is StorageScreen.Failed -> when (event) {
        is StorageEvent.Measured -> StorageScreen.Ready(event.room)
        is StorageEvent.Failed -> StorageScreen.Failed(event.problem)
        is StorageEvent.Freeing, is StorageEvent.Freed -> this
    }
    is StorageScreen.Ready -> when (event) {
        is StorageEvent.Measured -> copy(room = event.room)
        is StorageEvent.Freeing -> copy(freeing = true, freed = null, problem = null)
        is StorageEvent.Freed -> copy(freeing = false, freed = event.freed)
        is StorageEvent.Failed -> copy(freeing = false, problem = event.problem)
    }
}
