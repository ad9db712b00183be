package cn.lanewalk.kit

import cn.lanewalk.core.ConflictView

/** Fields on which people disagree, each until a person has chosen. */
sealed interface ConflictsScreen {
    data object Loading : ConflictsScreen

    data class Ready(
        val conflicts: List<ConflictView>,
        /** The one being settled. */
        val settling: ConflictView? = null,
        val problem: Problem? = null,
    ) : ConflictsScreen

    data class Failed(val problem: Problem) : ConflictsScreen
}

/** What happens to [ConflictsScreen]. */
sealed interface ConflictsEvent {
    /** The list as [Live.conflicts] tells it. */
    data class Listed(val conflicts: List<ConflictView>) : ConflictsEvent

    /** A value was chosen or written, and is being saved. */
    data class Chosen(val conflict: ConflictView) : ConflictsEvent
    data object Settled : ConflictsEvent
    data class Failed(val problem: Problem) : ConflictsEvent
}

/** Returns the screen after an event. */
fun ConflictsScreen.on(event: ConflictsEvent): ConflictsScreen = when (event) {
    is ConflictsEvent.Listed -> when (this) {
        is ConflictsScreen.Ready -> copy(conflicts = event.conflicts)
        else -> ConflictsScreen.Ready(event.conflicts)
    }
    is ConflictsEvent.Chosen -> ready {
        if (settling != null || event.conflict !in conflicts) this else copy(settling = event.conflict, problem = null)
    }
    is ConflictsEvent.Settled -> ready { copy(conflicts = conflicts - setOfNotNull(settling), settling = null) }
    is ConflictsEvent.Failed -> when (this) {
        is ConflictsScreen.Ready -> copy(settling = null, problem = event.problem)
        else -> ConflictsScreen.Failed(event.problem)
    }
}

private fun ConflictsScreen.ready(change: ConflictsScreen.Ready.() -> ConflictsScreen): ConflictsScreen =
    if (this is ConflictsScreen.Ready) change() else this
