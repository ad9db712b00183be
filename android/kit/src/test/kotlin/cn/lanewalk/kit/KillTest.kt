package cn.lanewalk.kit

import java.nio.file.Path
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** A power cut: a process that is killed while it holds the store. */
class KillTest {
    @Test
    fun `what was saved survives a kill and goes to headquarters`() = real {
        val folder = Town.folder()
        val signer = JavaSigner()
        val enrolled = Phone(folder, signer).apply { open() }
        val invitation = Town.invitation("gw-03")
        enrolled.lanewalk.device { enrol(invitation) }
        Town.confirm()
        enrolled.lanewalk.close()
        val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
        val library = "uniffi.component.lanewalk.libraryOverride"
        val command = listOf(
            java, "-cp", System.getProperty("java.class.path"), "-D$library=${System.getProperty(library)}",
            "cn.lanewalk.kit.VictimKt", folder.toString(),
        ) + signer.exported()
        val victim = ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val order = victim.inputStream.bufferedReader().waitFor { it.startsWith("saved ") }!!.removePrefix("saved ")
        victim.destroyForcibly()
        assertEquals(128 + 9, victim.waitFor())

        val phone = Phone(folder, signer).apply { open() }
        assertEquals(1uL, phone.lanewalk.sync { status() }.pending)
        assertEquals("写完就断电", phone.lanewalk.orders { get(order) }.notes.first().text)
        assertEquals(1uL, phone.lanewalk.round().acknowledged)
        phone.lanewalk.close()
    }
}
