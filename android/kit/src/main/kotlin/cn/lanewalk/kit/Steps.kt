package cn.lanewalk.kit

import cn.lanewalk.core.AppealChange
import cn.lanewalk.core.AppealUpdate
import cn.lanewalk.core.KnowledgeChange
import cn.lanewalk.core.KnowledgeUpdate
import cn.lanewalk.core.OrderChange
import cn.lanewalk.core.OrderUpdate
import cn.lanewalk.core.PersonChange
import cn.lanewalk.core.PersonUpdate
import cn.lanewalk.core.PlaceChange
import cn.lanewalk.core.PlaceUpdate
import cn.lanewalk.core.VisitChange
import cn.lanewalk.core.VisitUpdate

/** One step of a live list: what the core's six typed updates have in common. */
sealed interface Step<out R> {
    /** The whole list. */
    data class Reset<R>(val rows: List<R>) : Step<R>

    /** A row appears. */
    data class Insert<R>(val at: UInt, val row: R) : Step<R>

    /** A row changes in place. */
    data class Update<R>(val at: UInt, val row: R) : Step<R>

    /** A row goes. */
    data class Remove(val at: UInt) : Step<Nothing>
}

/** Keeps the rows that the steps so far make. Not thread-safe: a listener is never called twice at once. */
internal class Fold<R> {
    private val rows = ArrayList<R>()

    /** Takes steps in order and returns a copy of the list. */
    fun take(steps: List<Step<R>>): List<R> {
        for (step in steps) {
            when (step) {
                is Step.Reset -> { rows.clear(); rows.addAll(step.rows) }
                is Step.Insert -> rows.add(step.at.toInt(), step.row)
                is Step.Update -> rows[step.at.toInt()] = step.row
                is Step.Remove -> rows.removeAt(step.at.toInt())
            }
        }
        return ArrayList(rows)
    }
}

internal fun OrderUpdate.steps(): List<Step<cn.lanewalk.core.OrderRow>> = when (this) {
    is OrderUpdate.Reset -> listOf(Step.Reset(rows))
    is OrderUpdate.Diff -> changes.map {
        when (it) {
            is OrderChange.Insert -> Step.Insert(it.at, it.row)
            is OrderChange.Update -> Step.Update(it.at, it.row)
            is OrderChange.Remove -> Step.Remove(it.at)
        }
    }
}

internal fun VisitUpdate.steps(): List<Step<cn.lanewalk.core.VisitRow>> = when (this) {
    is VisitUpdate.Reset -> listOf(Step.Reset(rows))
    is VisitUpdate.Diff -> changes.map {
        when (it) {
            is VisitChange.Insert -> Step.Insert(it.at, it.row)
            is VisitChange.Update -> Step.Update(it.at, it.row)
            is VisitChange.Remove -> Step.Remove(it.at)
        }
    }
}

internal fun AppealUpdate.steps(): List<Step<cn.lanewalk.core.AppealRow>> = when (this) {
    is AppealUpdate.Reset -> listOf(Step.Reset(rows))
    is AppealUpdate.Diff -> changes.map {
        when (it) {
            is AppealChange.Insert -> Step.Insert(it.at, it.row)
            is AppealChange.Update -> Step.Update(it.at, it.row)
            is AppealChange.Remove -> Step.Remove(it.at)
        }
    }
}

internal fun PersonUpdate.steps(): List<Step<cn.lanewalk.core.PersonRow>> = when (this) {
    is PersonUpdate.Reset -> listOf(Step.Reset(rows))
    is PersonUpdate.Diff -> changes.map {
        when (it) {
            is PersonChange.Insert -> Step.Insert(it.at, it.row)
            is PersonChange.Update -> Step.Update(it.at, it.row)
            is PersonChange.Remove -> Step.Remove(it.at)
        }
    }
}

internal fun PlaceUpdate.steps(): List<Step<cn.lanewalk.core.PlaceRow>> = when (this) {
    is PlaceUpdate.Reset -> listOf(Step.Reset(rows))
    is PlaceUpdate.Diff -> changes.map {
        when (it) {
            is PlaceChange.Insert -> Step.Insert(it.at, it.row)
            is PlaceChange.Update -> Step.Update(it.at, it.row)
            is PlaceChange.Remove -> Step.Remove(it.at)
        }
    }
}

internal fun KnowledgeUpdate.steps(): List<Step<cn.lanewalk.core.KnowledgeRow>> = when (this) {
    is KnowledgeUpdate.Reset -> listOf(Step.Reset(rows))
    is KnowledgeUpdate.Diff -> changes.map {
        when (it) {
            is KnowledgeChange.Insert -> Step.Insert(it.at, it.row)
            is KnowledgeChange.Update -> Step.Update(it.at, it.row)
            is KnowledgeChange.Remove -> Step.Remove(it.at)
        }
    }
}
