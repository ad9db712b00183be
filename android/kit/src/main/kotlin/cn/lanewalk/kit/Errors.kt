package cn.lanewalk.kit

import cn.lanewalk.core.LanewalkException
import cn.lanewalk.core.Phrase
import cn.lanewalk.core.Reason
import java.nio.charset.CharacterCodingException

/** What a shell can do about a failure. */
enum class Remedy {
    /** At opening: unlock the phone and try again. In a round: offer the export of what is here. Else enrol anew. */
    UNLOCK,
    UPDATE_APP,

    /** The store is damaged: offer to salvage it ([Lanewalk.salvage]). */
    SALVAGE,

    /** Offer the export of what is here and send the person to the office. */
    ASK_OFFICE,
    FREE_PHOTOS,
    ENROL,

    /** Resume the store, then try again. */
    RESUME,

    /** Open the store anew. */
    REOPEN,

    /** Show the text; trying again changes nothing. */
    SHOW,

    /** A round with headquarters is needed first. */
    CONNECT,

    /** Mark the field that [Problem.field] names. */
    MARK_FIELD,

    /** Take the photo again. */
    RETAKE,

    /** Try again later; everything is saved. */
    LATER,
}

/** A failure as a screen shows it. */
data class Problem(
    val remedy: Remedy,
    val text: Phrase,
    /** For support. */
    val code: String,
    /** Of an argument that does not fit. */
    val field: String? = null,
    /** Seconds until another try makes sense; nothing when nobody knows. */
    val retryAfterS: UInt? = null,
)

/** Says why a call failed. Without `else`: a new variant of the core stops the build here. */
fun LanewalkException.reason(): Reason = when (this) {
    is LanewalkException.Key -> reason
    is LanewalkException.UpdateApp -> reason
    is LanewalkException.StoreDamaged -> reason
    is LanewalkException.StorageFull -> reason
    is LanewalkException.NotEnrolled -> reason
    is LanewalkException.Paused -> reason
    is LanewalkException.Closed -> reason
    is LanewalkException.NotFound -> reason
    is LanewalkException.NotAllowed -> reason
    is LanewalkException.Connect -> reason
    is LanewalkException.Invalid -> reason
    is LanewalkException.Photo -> reason
    is LanewalkException.Offline -> reason
    is LanewalkException.Wait -> reason
    is LanewalkException.DeviceStopped -> reason
    is LanewalkException.Invitation -> reason
    is LanewalkException.Internal -> reason
}

/** Says what a shell can do. Without `else`, as [reason]. */
fun LanewalkException.remedy(): Remedy = when (this) {
    is LanewalkException.Key -> Remedy.UNLOCK
    is LanewalkException.UpdateApp -> Remedy.UPDATE_APP
    is LanewalkException.StoreDamaged -> Remedy.SALVAGE
    is LanewalkException.StorageFull -> Remedy.FREE_PHOTOS
    is LanewalkException.NotEnrolled -> Remedy.ENROL
    is LanewalkException.Paused -> Remedy.RESUME
    is LanewalkException.Closed -> Remedy.REOPEN
    is LanewalkException.NotFound -> Remedy.SHOW
    is LanewalkException.NotAllowed -> Remedy.SHOW
    is LanewalkException.Connect -> Remedy.CONNECT
    is LanewalkException.Invalid -> Remedy.MARK_FIELD
    is LanewalkException.Photo -> Remedy.RETAKE
    is LanewalkException.Offline -> Remedy.LATER
    is LanewalkException.Wait -> Remedy.LATER
    is LanewalkException.DeviceStopped -> Remedy.ASK_OFFICE
    is LanewalkException.Invitation -> Remedy.SHOW
    is LanewalkException.Internal -> Remedy.ASK_OFFICE
}

/** Makes what a screen shows of it. */
fun LanewalkException.problem(): Problem = reason().let { why ->
    Problem(
        remedy = remedy(),
        text = why.text,
        code = why.code,
        field = (this as? LanewalkException.Invalid)?.field,
        retryAfterS = (this as? LanewalkException.Wait)?.retryAfterS,
    )
}

/**
 * Calls the core. Half of a surrogate pair, such as a field's length limit makes of an emoji, cannot
 * cross the edge: the generated code throws an untyped exception, which would end an app.
 */
internal inline fun <T> typed(call: () -> T): T = try {
    call()
} catch (broken: CharacterCodingException) {
    throw LanewalkException.Invalid(Reason("invalid", Phrase("error.invalid", emptyMap()), "not Unicode: $broken"), "")
}
