package cn.lanewalk.kit

import cn.lanewalk.core.Connectivity
import cn.lanewalk.core.DeviceSigner
import cn.lanewalk.core.KeyStore
import cn.lanewalk.core.ListQuery
import cn.lanewalk.core.LogLevel
import cn.lanewalk.core.LogSink
import cn.lanewalk.core.Network
import cn.lanewalk.core.OpenConfig
import java.nio.file.Path
import java.security.KeyFactory
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.Signature
import java.security.spec.ECGenParameterSpec
import java.security.spec.PKCS8EncodedKeySpec
import java.security.spec.X509EncodedKeySpec
import java.util.concurrent.CopyOnWriteArrayList
import kotlinx.coroutines.Dispatchers

/** A P-256 key as the Android Keystore gives it: SubjectPublicKeyInfo and DER. */
class JavaSigner(private val pair: KeyPair = generate()) : DeviceSigner {
    override fun publicKey(): ByteArray = pair.public.encoded

    override fun sign(message: ByteArray): ByteArray = Signature.getInstance("SHA256withECDSA").run {
        initSign(pair.private)
        update(message)
        sign()
    }

    /** The key as text, for another process. */
    fun exported(): List<String> = listOf(pair.private.encoded, pair.public.encoded).map { HEX.formatHex(it) }

    companion object {
        private val HEX = java.util.HexFormat.of()

        private fun generate() = KeyPairGenerator.getInstance("EC").run {
            initialize(ECGenParameterSpec("secp256r1"))
            generateKeyPair()
        }

        fun imported(private: String, public: String): JavaSigner = KeyFactory.getInstance("EC").run {
            val secret = generatePrivate(PKCS8EncodedKeySpec(HEX.parseHex(private)))
            JavaSigner(KeyPair(generatePublic(X509EncodedKeySpec(HEX.parseHex(public))), secret))
        }
    }
}

class JavaKeys(private val key: ByteArray = ByteArray(32) { 7 }) : KeyStore {
    override fun storeKey(): ByteArray = key
}

/** A network that a test switches. */
class Line : Connectivity {
    @Volatile
    var now: Network = Network.UNMETERED

    /** What else happens when the core asks. */
    @Volatile
    var asked: () -> Unit = {}

    override fun network(): Network = now.also { asked() }
}

class Lines : LogSink {
    val lines = CopyOnWriteArrayList<String>()

    override fun log(level: LogLevel, line: String) {
        lines.add(line)
    }
}

class Phone(val folder: Path, val signer: JavaSigner = JavaSigner()) {
    val line = Line()
    val log = Lines()
    lateinit var lanewalk: Lanewalk

    suspend fun open(keys: KeyStore = JavaKeys(), signer: DeviceSigner = this.signer) {
        val config = OpenConfig(folder.toString())
        lanewalk = Lanewalk.open(config, Shell(keys, signer, line, log = log), Dispatchers.IO)
    }

    /** Names an open order. */
    suspend fun order(): String = lanewalk.orders { list(ListQuery(openOnly = true)) }.first().id
}
