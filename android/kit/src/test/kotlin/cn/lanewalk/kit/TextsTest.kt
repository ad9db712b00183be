package cn.lanewalk.kit

import cn.lanewalk.core.AppealKind
import cn.lanewalk.core.ConfirmedHow
import cn.lanewalk.core.Language
import cn.lanewalk.core.MeasuredHow
import cn.lanewalk.core.Network
import cn.lanewalk.core.OrderOutcome
import cn.lanewalk.core.Phase
import cn.lanewalk.core.PhotoRole
import cn.lanewalk.core.PhotoScene
import cn.lanewalk.core.Phrase
import cn.lanewalk.core.PlaceKind
import cn.lanewalk.core.ProposalKind
import cn.lanewalk.core.SurveyAnswer
import cn.lanewalk.core.TalkKind
import cn.lanewalk.core.VisitKind
import cn.lanewalk.core.VisitPurpose
import cn.lanewalk.core.VisitResult
import cn.lanewalk.core.textTable
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.EnumSource

class TextsTest {
    private val place = Regex("\\{(\\w+)\\}")

    @ParameterizedTest
    @EnumSource(Language::class)
    fun `every code has words and every argument a place`(language: Language) {
        val texts = Texts(language)
        val table = textTable(language)
        assertTrue(table.size > 100)
        for ((code, words) in table) {
            val names = place.findAll(words).map { it.groupValues[1] }.toList()
            val shown = texts.of(Phrase(code, names.associateWith { "‹$it›" }))
            assertTrue(shown.isNotBlank(), code)
            assertFalse(place.containsMatchIn(shown), "$code: $shown")
            for (name in names) assertTrue("‹$name›" in shown, "$code: $shown")
        }
    }

    @Test
    fun `every choice has words`() {
        val choices = listOf(
            AppealKind.entries.map { it.label() }, ConfirmedHow.entries.map { it.label() }, MeasuredHow.entries.map { it.label() },
            Network.entries.map { it.label() }, OrderOutcome.entries.map { it.label() }, Phase.entries.map { it.label() },
            PhotoRole.entries.map { it.label() }, PhotoScene.entries.map { it.label() }, PlaceKind.entries.map { it.label() },
            ProposalKind.entries.map { it.label() }, SurveyAnswer.entries.map { it.label() }, TalkKind.entries.map { it.label() },
            VisitKind.entries.map { it.label() }, VisitPurpose.entries.map { it.label() }, VisitResult.entries.map { it.label() },
        )
        val table = textTable(Language.CHINESE)
        for (choice in choices.flatten()) assertTrue(choice.code in table, choice.code)
    }

    @Test
    fun `both languages have the same codes`() {
        assertEquals(textTable(Language.CHINESE).keys, textTable(Language.ENGLISH).keys)
    }

    @Test
    fun `arguments are put in once, and unknown codes are shown as their last part`() {
        val texts = Texts(mapOf("a.b" to "{x} of {y}"))
        assertEquals("{y} of \$1", texts.of(Phrase("a.b", mapOf("x" to "{y}", "y" to "\$1"))))
        assertEquals("1 of {y}", texts.of(Phrase("a.b", mapOf("x" to "1"))))
        assertEquals("QUESTIONED", texts.of(Phrase("state.QUESTIONED", emptyMap())))
        val left = Phrase("countdown.left_hours", mapOf("hours" to "2", "minutes" to "5"))
        assertEquals("剩 2 小时 5 分", Texts(Language.CHINESE).of(left))
    }
}
