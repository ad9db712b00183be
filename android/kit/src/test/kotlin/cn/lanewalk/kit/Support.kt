package cn.lanewalk.kit

import cn.lanewalk.core.FontFile
import cn.lanewalk.core.LanewalkException
import cn.lanewalk.core.PhotoSettings
import java.awt.Color
import java.awt.image.BufferedImage
import java.io.File
import javax.imageio.ImageIO
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.fail

/** Runs a test on real time; what should have come within this has not. */
fun real(test: suspend CoroutineScope.() -> Unit): Unit = runBlocking { withTimeout(60.seconds, test) }

/** Writes a PNG with some detail, so that it is no flat picture. */
fun picture(path: String, width: Int = 640, height: Int = 480) {
    val image = BufferedImage(width, height, BufferedImage.TYPE_INT_RGB)
    for (y in 0 until height) {
        for (x in 0 until width) {
            val at = x * 7 xor y * 13
            image.setRGB(x, y, Color(at % 256, (at + 40) % 256, (at + 80) % 256).rgb)
        }
    }
    check(ImageIO.write(image, "png", File(path)))
}

/** Runs what must fail with one of the core's errors. */
suspend fun failure(call: suspend () -> Unit): LanewalkException {
    try {
        call()
    } catch (expected: LanewalkException) {
        return expected
    }
    return fail("should have failed")
}

/** Fonts of the repository, and room for a small disk. */
suspend fun configure(lanewalk: Lanewalk) {
    val font = FontFile(Town.root.resolve("rust-core/media/fonts/NotoSansSC-GB2312.otf").toString())
    lanewalk.photos { configure(PhotoSettings(listOf(font), keepFreeBytes = 1uL)) }
}
