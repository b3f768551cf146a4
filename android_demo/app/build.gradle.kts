plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.compose.compiler)
    alias(libs.plugins.kotlin.android)
}

kotlin {
    jvmToolchain(17)
}

val models = layout.buildDirectory.dir("models").get().asFile

android {
    namespace = "org.reblur.demo"
    compileSdk = libs.versions.compileSdk.get().toInt()

    defaultConfig {
        applicationId = "org.reblur.demo"
        minSdk = libs.versions.minSdk.get().toInt()
        targetSdk = libs.versions.targetSdk.get().toInt()
        versionCode = 1
        versionName = "0.1.0"
        resValue("string", "litert_version", libs.versions.litert.get())
        resValue("string", "executorch_version", libs.versions.executorch.get())
    }

    buildFeatures {
        compose = true
        resValues = true
    }

    buildTypes {
        release {
            isMinifyEnabled = true
            isShrinkResources = true
            // Benchmarks want a release build; nobody should have to make a key for that.
            signingConfig = signingConfigs.getByName("debug")
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"), "proguard-rules.pro")
        }
    }

    androidResources {
        // Models are read as they are.
        noCompress += listOf("tflite", "pte")
    }

    sourceSets.getByName("main").assets.srcDir(models)
}

/** The models and golden vectors of an export, as the app reads them: run `make export` in the repository first. */
val copyModels by tasks.registering(Sync::class) {
    val artifacts = rootDir.resolve("../artifacts")
    doFirst { check(artifacts.resolve("manifest.json").exists()) { "no export at $artifacts: run `make export` first" } }
    from(artifacts) {
        include("manifest.json", "*.tflite", "*.pte", "golden/**")
        exclude("*coreml*", "fused*", "golden/fused*", "golden/chain*")
    }
    into(models.resolve("models"))
}

tasks.named("preBuild") { dependsOn(copyModels) }

dependencies {
    implementation(project(":core"))
    implementation(platform(libs.compose.bom))
    implementation(libs.activity.compose)
    implementation(libs.compose.material3)
    implementation(libs.coroutines.android)
    implementation(libs.lifecycle.viewmodel.compose)
    implementation(libs.serialization.json)

    // The runtimes. What the build without Gradle has in their place is in stubs/, which Gradle never sees.
    implementation(libs.executorch)
    implementation(libs.litert)

    // The tests need Robolectric's frameworks and an export: `make android` runs them.
}
