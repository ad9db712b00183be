package cn.lanewalk.kit

import cn.lanewalk.core.ConflictValue
import cn.lanewalk.core.ConflictView
import cn.lanewalk.core.DeviceKey
import cn.lanewalk.core.LanewalkException
import cn.lanewalk.core.OrderAction
import cn.lanewalk.core.OrderRow
import cn.lanewalk.core.OrderView
import cn.lanewalk.core.PersonRow
import cn.lanewalk.core.PersonView
import cn.lanewalk.core.PhotoRole
import cn.lanewalk.core.PhotoTicket
import cn.lanewalk.core.Phrase
import cn.lanewalk.core.PlaceRow
import cn.lanewalk.core.ProposalKind
import cn.lanewalk.core.Reason
import cn.lanewalk.core.Round
import cn.lanewalk.core.StatusView
import cn.lanewalk.core.StorageView
import cn.lanewalk.core.VisitView

/** Records for the tables of the reducers. */
object Samples {
    fun text(code: String) = Phrase(code, emptyMap())
    val reason = Reason("code", text("error.code"), "")
    val busy = LanewalkException.NotAllowed(reason).problem()
    val connect = LanewalkException.Connect(reason).problem()

    val row = OrderRow(
        "order:1", "养猫扰民", "3号楼", text("state.ACKED"), false, true, null, "g",
        null, null, "gw-03", null, 0u, 0u,
    )
    val visit = OrderAction("visit", text("action.visit"), null)
    val ack = OrderAction("ack", text("action.ack"), ProposalKind.ACK)

    fun page(vararg actions: OrderAction) = OrderView(
        "order:1", "", "养猫扰民", "", "3号楼", text("state.ACKED"), true, false, "g", "", null, null, "", "", "",
        "gw-03", "gw-03", emptyList(), actions.toList(), emptyList(), emptyList(), emptyList(), emptyList(),
    )

    val status = StatusView(2uL, 0uL, 1uL, null, DeviceKey.READY, emptyList())
    val round = Round(1u, 1uL, 1uL, 2uL, 0uL, 0uL, 0uL, 0uL, false)
    val room = StorageView(10uL, 5uL, 3uL, 5uL, 100uL)

    fun ticket(id: String, hasFile: Boolean, visit: String = "visit:1") =
        PhotoTicket(id, visit, PhotoRole.BEFORE, "/p/$id", hasFile)

    fun visitPage(id: String) = VisitView(
        id, "", text("visit_kind.care"), null, null, "gw-03", null, "", null, 0u, emptyList(), emptyList(), emptyList(),
    )

    val person = PersonRow("person:1", "王建国", "", "g", 0u)
    val personPage = PersonView("person:1", "王建国", "", "走访登记", "g", emptyList())
    val place = PlaceRow("place:1", "小卖部", "3号楼", text("place_kind.shop"), "g", null, null)

    fun conflict(doc: String) = ConflictView(
        doc, "verified_facts", text("field.verified_facts"), true,
        listOf(ConflictValue("12 只", "gw-03", 1), ConflictValue("3 只", "gw-03", 2)),
    )

    /** One of each variant. */
    val failures: List<LanewalkException> = with(reason) {
        listOf(
            LanewalkException.Key(this), LanewalkException.UpdateApp(this), LanewalkException.StoreDamaged(this),
            LanewalkException.StorageFull(this), LanewalkException.NotEnrolled(this), LanewalkException.Paused(this),
            LanewalkException.Closed(this), LanewalkException.NotFound(this), LanewalkException.NotAllowed(this),
            LanewalkException.Connect(this), LanewalkException.Invalid(this, "notes"), LanewalkException.Photo(this),
            LanewalkException.Offline(this), LanewalkException.Wait(this, 30u), LanewalkException.DeviceStopped(this),
            LanewalkException.Invitation(this), LanewalkException.Internal(this),
        )
    }
}
