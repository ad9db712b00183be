package cn.lanewalk.kit

import java.nio.file.Path
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.runBlocking

/** The process that [KillTest] kills: syncs, writes a note, says so and waits for its end. */
fun main(args: Array<String>): Unit = runBlocking {
    val (folder, private, public) = args
    val phone = Phone(Path.of(folder), JavaSigner.imported(private, public)).apply { open() }
    phone.lanewalk.round()
    val order = phone.order()
    phone.lanewalk.orders { note(order, "写完就断电") }
    println("saved $order")
    awaitCancellation()
}
