package cn.lanewalk.kit

import cn.lanewalk.core.Fix
import cn.lanewalk.core.ListQuery
import cn.lanewalk.core.NewProposal
import cn.lanewalk.core.NewVisit
import cn.lanewalk.core.OrderOutcome
import cn.lanewalk.core.PhotoScene
import cn.lanewalk.core.PhotoShot
import cn.lanewalk.core.ProposalKind
import cn.lanewalk.core.VisitKind
import cn.lanewalk.core.VisitPurpose
import cn.lanewalk.core.VisitResult

// The generated records have no default values; these name only what a screen has.

/** Which rows of a list; a page of 50 when nothing is said. */
fun listQuery(
    openOnly: Boolean = false,
    parent: String? = null,
    near: Fix? = null,
    limit: UInt = 50u,
    offset: UInt = 0u,
): ListQuery = ListQuery(openOnly, parent, near, limit, offset)

/** What a worker asks headquarters for. */
fun newProposal(
    kind: ProposalKind,
    reason: String,
    outcome: OrderOutcome? = null,
    extendDays: UInt? = null,
    to: String? = null,
    ground: String? = null,
    evidence: String? = null,
    reviewAtMs: Long? = null,
): NewProposal = NewProposal(kind, reason, outcome, extendDays, to, ground, evidence, reviewAtMs)

/** A visit to be saved. */
fun newVisit(
    kind: VisitKind,
    order: String? = null,
    target: String? = null,
    grid: String? = null,
    purpose: VisitPurpose? = null,
    result: VisitResult? = null,
    startedAtMs: Long? = null,
    endedAtMs: Long? = null,
    fix: Fix? = null,
    notes: String = "",
): NewVisit = NewVisit(kind, order, target, grid, purpose, result, startedAtMs, endedAtMs, fix, notes)

/** What is known about a picture besides its file. */
fun photoShot(
    caption: String = "",
    scene: PhotoScene? = null,
    takenAtMs: Long? = null,
    fix: Fix? = null,
): PhotoShot = PhotoShot(fix, caption, takenAtMs, scene)
