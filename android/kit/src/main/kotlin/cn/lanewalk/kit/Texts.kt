package cn.lanewalk.kit

import cn.lanewalk.core.Language
import cn.lanewalk.core.Phrase
import cn.lanewalk.core.textTable

/** Gives the core's texts their words. */
class Texts(private val table: Map<String, String>) {
    constructor(language: Language) : this(textTable(language))

    /**
     * Renders a text. A code that the table lacks (of a newer headquarters) is shown as its last
     * part. Arguments are put in once: braces in what somebody wrote stay as they are.
     */
    fun of(text: Phrase): String {
        val words = table[text.code] ?: return text.code.substringAfterLast('.')
        return PLACE.replace(words) { text.args[it.groupValues[1]] ?: it.value }
    }

    private companion object {
        // Android's regular expressions want both braces escaped.
        val PLACE = Regex("\\{(\\w+)\\}")
    }
}
