plugins {
    `java-test-fixtures`
    alias(libs.plugins.kotlin.jvm)
    alias(libs.plugins.kotlin.serialization)
}

kotlin {
    jvmToolchain(17)
}

val desktop = "linux-x86_64"

dependencies {
    implementation(libs.coroutines.core)
    implementation(libs.serialization.json)

    testFixturesImplementation(libs.serialization.json)
    testFixturesImplementation(libs.tensorflow.lite)
    testImplementation(libs.junit)
    testRuntimeOnly(libs.tensorflow.lite) { artifact { classifier = desktop } }
    testRuntimeOnly(libs.javacpp) { artifact { classifier = desktop } }
}

tasks.test {
    // Where `make export` of the repository writes; tests of real models are not run without.
    val artifacts = rootDir.resolve("../artifacts")
    systemProperty("reblur.artifacts", if (artifacts.resolve("manifest.json").exists()) artifacts.path else "")
    systemProperty("reblur.rowSchema", rootDir.resolve("../benchmarks/row.schema.json").path)
}
