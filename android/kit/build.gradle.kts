// For Android Studio, from the same sources as pom.xml. Not run by ./test: what is tested is the
// Maven build, on a JVM. The including build declares the versions of the plugins, and the module
// that packages the core brings liblanewalk_ffi.so for each ABI.
plugins {
    id("com.android.library")
    id("org.jetbrains.kotlin.android")
}

android {
    namespace = "cn.lanewalk.kit"
    compileSdk = 36
    defaultConfig {
        minSdk = 26
        consumerProguardFiles("consumer-rules.pro")
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    sourceSets["main"].kotlin.srcDirs("src/main/kotlin", "../../bindings/generated/kotlin")
}

kotlin {
    jvmToolchain(17)
}

dependencies {
    api("org.jetbrains.kotlinx:kotlinx-coroutines-core:1.11.0")
    // The .aar holds JNA's own libraries, aligned to 16 KB pages since 5.17.
    implementation("net.java.dev.jna:jna:5.19.1@aar")
}
