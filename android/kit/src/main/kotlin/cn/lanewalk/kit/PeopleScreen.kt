package cn.lanewalk.kit

import cn.lanewalk.core.PersonRow
import cn.lanewalk.core.PersonView
import cn.lanewalk.core.PlaceRow

/** Residents and places, with one resident opened. */
sealed interface PeopleScreen {
    data object Loading : PeopleScreen

    data class Ready(
        val persons: List<PersonRow> = emptyList(),
        val places: List<PlaceRow> = emptyList(),
        /** The resident whose page is shown. */
        val person: PersonView? = null,
        val problem: Problem? = null,
    ) : PeopleScreen

    /** May not be seen now, such as after the lease's end: nothing that was shown stays. */
    data class Failed(val problem: Problem) : PeopleScreen
}

/** What happens to [PeopleScreen]. */
sealed interface PeopleEvent {
    data class Persons(val persons: List<PersonRow>) : PeopleEvent
    data class Places(val places: List<PlaceRow>) : PeopleEvent
    data class Opened(val person: PersonView) : PeopleEvent
    data object Back : PeopleEvent
    data class Failed(val problem: Problem) : PeopleEvent
}

/** Returns the screen after an event. */
fun PeopleScreen.on(event: PeopleEvent): PeopleScreen {
    val shown = this as? PeopleScreen.Ready ?: PeopleScreen.Ready()
    return when (event) {
        is PeopleEvent.Persons -> shown.copy(persons = event.persons)
        is PeopleEvent.Places -> shown.copy(places = event.places)
        is PeopleEvent.Opened -> shown.copy(person = event.person, problem = null)
        is PeopleEvent.Back -> if (this is PeopleScreen.Ready) copy(person = null, problem = null) else this
        is PeopleEvent.Failed -> when {
            this !is PeopleScreen.Ready || event.problem.remedy == Remedy.CONNECT -> PeopleScreen.Failed(event.problem)
            else -> copy(problem = event.problem)
        }
    }
}
