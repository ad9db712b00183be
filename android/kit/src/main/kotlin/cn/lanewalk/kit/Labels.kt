package cn.lanewalk.kit

import cn.lanewalk.core.AppealKind
import cn.lanewalk.core.ConfirmedHow
import cn.lanewalk.core.MeasuredHow
import cn.lanewalk.core.Network
import cn.lanewalk.core.OrderOutcome
import cn.lanewalk.core.Phase
import cn.lanewalk.core.PhotoRole
import cn.lanewalk.core.PhotoScene
import cn.lanewalk.core.PlaceKind
import cn.lanewalk.core.ProposalKind
import cn.lanewalk.core.SurveyAnswer
import cn.lanewalk.core.TalkKind
import cn.lanewalk.core.Text
import cn.lanewalk.core.VisitKind
import cn.lanewalk.core.VisitPurpose
import cn.lanewalk.core.VisitResult

// The words of what a person chooses from: the codes under which the core itself gives back the choice.

val AppealKind.text: Text get() = text("appeal_kind")
val ConfirmedHow.text: Text get() = text("confirmed")
val MeasuredHow.text: Text get() = text("measured")
val Network.text: Text get() = text("network")
val OrderOutcome.text: Text get() = text("outcome")
val Phase.text: Text get() = text("phase")
val PhotoRole.text: Text get() = text("photo_role")
val PhotoScene.text: Text get() = text("photo_scene")
val ProposalKind.text: Text get() = text("action")
val SurveyAnswer.text: Text get() = text("survey_answer")
val TalkKind.text: Text get() = text("talk")
val VisitKind.text: Text get() = text("visit_kind")
val VisitPurpose.text: Text get() = text("visit_purpose")
val VisitResult.text: Text get() = text("visit_result")

val PlaceKind.text: Text
    get() = if (this == PlaceKind.ORGANISATION) Text("place_kind.org", emptyMap()) else text("place_kind")

private fun Enum<*>.text(set: String) = Text("$set.${name.lowercase()}", emptyMap())
