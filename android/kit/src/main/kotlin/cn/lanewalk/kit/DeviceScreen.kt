package cn.lanewalk.kit

import cn.lanewalk.core.Farewell
import cn.lanewalk.core.Phrase
import cn.lanewalk.core.Salvaged
import cn.lanewalk.core.Standing

/** Whether this phone is a device, from the first scan to the wipe, and what is to be done where it is not. */
sealed interface DeviceScreen {
    /** The store is being opened, or its standing asked. */
    data object Loading : DeviceScreen

    /** Opening said that the store is damaged: offer [Lanewalk.salvage]. */
    data class Damaged(val problem: Problem, val salvaging: Boolean = false) : DeviceScreen

    /** What a salvage saved, until the person has read it; then open the store. */
    data class Saved(val report: Salvaged) : DeviceScreen

    /** The store cannot be opened for another reason: [Problem.remedy] says what to do. */
    data class Shut(val problem: Problem) : DeviceScreen

    /** Not a device yet: scan the invitation. */
    data class Enrol(val asking: Boolean = false, val problem: Problem? = null) : DeviceScreen

    /** Waiting for an administrator, who sees the same [fingerprint]; a round now and then tells. */
    data class Compare(val fingerprint: String) : DeviceScreen

    /** A device: show the day's work. */
    data object Active : DeviceScreen

    /** Revoked: run rounds until everything is delivered, at the latest until [untilMs]. */
    data class Deliver(val untilMs: Long?, val entries: ULong, val files: ULong) : DeviceScreen

    /** Revoked, and headquarters takes no more: offer the export, or to go without it. */
    data class Export(val entries: ULong, val files: ULong, val problem: Problem? = null) : DeviceScreen

    /** Revoked, and nothing is left: destroy the store's key, then call `wipe`. */
    data class Wipe(val wiping: Boolean = false, val problem: Problem? = null) : DeviceScreen

    /** The store is gone. */
    data object Wiped : DeviceScreen
}

/** What happens to [DeviceScreen]. */
sealed interface DeviceEvent {
    /** What `device { standing() }` says: after opening, after enrolling, after a round and an export. */
    data class Told(val standing: Standing) : DeviceEvent

    /** Enrolling, salvaging or wiping began. */
    data object Began : DeviceEvent
    data class Saved(val report: Salvaged) : DeviceEvent

    /** The person has read what was saved; the store is being opened. */
    data object Read : DeviceEvent
    data object Wiped : DeviceEvent
    data class Failed(val problem: Problem) : DeviceEvent
}

/** Returns the screen after an event. */
fun DeviceScreen.on(event: DeviceEvent): DeviceScreen = when (event) {
    is DeviceEvent.Told -> told(event.standing)
    is DeviceEvent.Began -> when (this) {
        is DeviceScreen.Damaged -> copy(salvaging = true)
        is DeviceScreen.Enrol -> DeviceScreen.Enrol(asking = true)
        is DeviceScreen.Wipe -> DeviceScreen.Wipe(wiping = true)
        else -> this
    }
    is DeviceEvent.Saved -> if (this is DeviceScreen.Damaged) DeviceScreen.Saved(event.report) else this
    is DeviceEvent.Read -> if (this is DeviceScreen.Saved) DeviceScreen.Loading else this
    is DeviceEvent.Wiped -> if (this is DeviceScreen.Wipe) DeviceScreen.Wiped else this
    is DeviceEvent.Failed -> failed(event.problem)
}

/** A store that is gone tells nothing any more. */
private fun DeviceScreen.told(standing: Standing): DeviceScreen = if (this is DeviceScreen.Wiped) this else
    when (standing) {
        // What is being done goes on, and why it failed stays to be read.
        is Standing.NotEnrolled -> this as? DeviceScreen.Enrol ?: DeviceScreen.Enrol()
        is Standing.Waiting -> DeviceScreen.Compare(standing.fingerprint)
        is Standing.Active -> DeviceScreen.Active
        is Standing.Revoked -> when (standing.next) {
            Farewell.DELIVER -> DeviceScreen.Deliver(standing.depositUntilMs, standing.entries, standing.files)
            Farewell.EXPORT ->
                DeviceScreen.Export(standing.entries, standing.files, (this as? DeviceScreen.Export)?.problem)
            Farewell.WIPE -> this as? DeviceScreen.Wipe ?: DeviceScreen.Wipe()
        }
    }

private fun DeviceScreen.failed(problem: Problem): DeviceScreen = when (this) {
    is DeviceScreen.Loading, is DeviceScreen.Shut, is DeviceScreen.Damaged ->
        if (problem.remedy == Remedy.SALVAGE) DeviceScreen.Damaged(problem) else DeviceScreen.Shut(problem)
    is DeviceScreen.Enrol -> DeviceScreen.Enrol(problem = problem)
    is DeviceScreen.Export -> copy(problem = problem)
    is DeviceScreen.Wipe -> DeviceScreen.Wipe(problem = problem)
    // Rounds say what is wrong with them on their own screen.
    is DeviceScreen.Compare, is DeviceScreen.Active, is DeviceScreen.Deliver, is DeviceScreen.Saved,
    is DeviceScreen.Wiped,
    -> this
}

/** What to say on the screen; nothing where it says enough by itself. */
val DeviceScreen.line: Phrase?
    get() = when (this) {
        is DeviceScreen.Damaged -> Phrase("ui.salvage", emptyMap())
        is DeviceScreen.Saved -> with(report) {
            val counts = mapOf("entries" to entries, "missing" to missing, "export_only" to exportOnly)
            if (identity) Phrase("ui.salvaged", counts.mapValues { "${it.value}" })
            else Phrase("ui.salvaged_stranger", emptyMap())
        }
        is DeviceScreen.Shut -> problem.text
        is DeviceScreen.Enrol -> Phrase("ui.enrol", emptyMap())
        is DeviceScreen.Compare -> Phrase("ui.compare", emptyMap())
        is DeviceScreen.Deliver -> Phrase("ui.deliver", mapOf("entries" to "$entries", "files" to "$files"))
        is DeviceScreen.Export -> Phrase("ui.export", mapOf("entries" to "$entries", "files" to "$files"))
        is DeviceScreen.Wipe -> Phrase("ui.wipe", emptyMap())
        is DeviceScreen.Loading, is DeviceScreen.Active, is DeviceScreen.Wiped -> null
    }
