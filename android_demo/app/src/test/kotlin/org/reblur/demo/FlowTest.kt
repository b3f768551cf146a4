package org.reblur.demo

import android.content.Intent
import android.graphics.Bitmap
import android.net.Uri
import androidx.compose.ui.geometry.Offset
import androidx.compose.ui.semantics.SemanticsActions
import androidx.compose.ui.semantics.SemanticsProperties
import androidx.compose.ui.test.SemanticsMatcher
import androidx.compose.ui.test.assert
import androidx.compose.ui.test.assertIsDisplayed
import androidx.compose.ui.test.click
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.junit4.v2.createEmptyComposeRule
import androidx.compose.ui.test.onAllNodesWithText
import androidx.compose.ui.test.onNodeWithContentDescription
import androidx.compose.ui.test.onNodeWithText
import androidx.compose.ui.test.performClick
import androidx.compose.ui.test.performScrollTo
import androidx.compose.ui.test.performSemanticsAction
import androidx.compose.ui.test.performTouchInput
import androidx.test.core.app.ActivityScenario
import androidx.test.core.app.ApplicationProvider
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeNotNull
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.reblur.core.engines.Engine
import org.reblur.core.manifest.ModelFiles
import org.reblur.core.testing.artifactsFolder
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import java.io.File

/** The whole flow, tap by tap, with the real activity, manifest, resources and models; only the phone is missing. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35], application = TestApplication::class, qualifiers = "w411dp-h891dp-420dpi")
class FlowTest {
    @get:Rule val compose = createEmptyComposeRule()
    private var scenario: ActivityScenario<MainActivity>? = null

    private val picture
        get() = compose.onNodeWithContentDescription("The refocused photo. Tap to focus, hold to see it as it was.")

    @Before
    fun needsAnExport() = assumeNotNull("no export: run `make export`", artifactsFolder())

    @After
    fun close() {
        scenario?.close()
        TestApplication.filesOverride = null
        TestApplication.enginesOverride = null
    }

    private fun start(intent: Intent = Intent(ApplicationProvider.getApplicationContext(), MainActivity::class.java)) {
        scenario = ActivityScenario.launch(intent)
    }

    /** As the share sheet would start it. */
    private fun startWith(file: File) =
        start(
            Intent(ApplicationProvider.getApplicationContext(), MainActivity::class.java)
                .setAction(Intent.ACTION_SEND)
                .putExtra(Intent.EXTRA_STREAM, Uri.fromFile(file)),
        )

    private fun photo(name: String = "astronaut_face.jpg") = File(checkNotNull(System.getProperty("reblur.photos")), name)

    private fun waitForResult() {
        compose.waitUntil(120_000) { isIdle() }
    }

    private fun isIdle(): Boolean {
        val progress = SemanticsMatcher.keyIsDefined(SemanticsProperties.ProgressBarRangeInfo)
        val bars =
            compose.onAllNodes(progress).fetchSemanticsNodes().filter { SemanticsActions.SetProgress !in it.config }
        return bars.isEmpty() && compose.onAllNodesWithText("Choose a photo").fetchSemanticsNodes().isEmpty()
    }

    private fun screen(
        name: String,
        compared: Boolean = true,
    ): Bitmap {
        compose.waitForIdle()
        var bitmap: Bitmap? = null
        checkNotNull(scenario).onActivity { bitmap = Screens.take(it.window, name) }
        return checkNotNull(bitmap).also { if (compared) Screens.compare(it, name) }
    }

    @Test
    fun theFirstScreenInvites() {
        start()
        compose.onNodeWithText("Choose a photo").assertIsDisplayed()
        screen("start")
    }

    @Test
    @Config(sdk = [26, 35])
    fun aTapMovesTheFocusTheSliderOpensTheApertureAndTheMapIsShown() {
        startWith(photo())
        waitForResult()
        val before = screen("result", compared = android.os.Build.VERSION.SDK_INT == 35)

        picture.performTouchInput { click(Offset(width * 0.9f, height * 0.15f)) }
        waitForResult()
        picture.assert(SemanticsMatcher.expectValue(SemanticsProperties.StateDescription, "Focus at 90 % across, 15 % down"))
        val tapped = screen("tapped", compared = false)
        assertTrue("the picture changes with the focus", Screens.meanDifference(before, tapped) > 0.5)

        compose.onNodeWithContentDescription("Aperture").performSemanticsAction(SemanticsActions.SetProgress) { it(0f) }
        waitForResult()
        compose.onNodeWithText("f/16.0").assertIsDisplayed()

        compose.onNodeWithText("Blur map").performScrollTo().performClick()
        screen("map", compared = android.os.Build.VERSION.SDK_INT == 35)

        compose.onNodeWithContentDescription("Back").performClick()
        compose.onNodeWithText("Choose a photo").assertIsDisplayed()
    }

    @Test
    @Config(qualifiers = "w411dp-h891dp-night-420dpi")
    fun itIsDarkWhereThePhoneIs() {
        startWith(photo())
        waitForResult()
        screen("dark")
    }

    @Test
    @Config(qualifiers = "w891dp-h411dp-land-420dpi")
    fun lyingThePictureHasTheControlsBesideIt() {
        startWith(photo())
        waitForResult()
        screen("landscape")
    }

    @Test
    fun largeFontsScroll() {
        org.robolectric.RuntimeEnvironment.setFontScale(1.8f)
        startWith(photo())
        waitForResult()
        screen("large-font")
        compose.onNodeWithText("Save").performScrollTo().assertIsDisplayed()
        org.robolectric.RuntimeEnvironment.setFontScale(1f)
    }

    @Test
    fun turningThePhoneKeepsPhotoFocusAndAperture() {
        startWith(photo())
        waitForResult()
        picture.performTouchInput { click(Offset(width * 0.25f, height * 0.5f)) }
        waitForResult()
        checkNotNull(scenario).recreate()
        waitForResult()
        picture.assert(SemanticsMatcher.expectValue(SemanticsProperties.StateDescription, "Focus at 25 % across, 50 % down"))
    }

    @Test
    fun theSelfTestShowsItsTable() {
        start(Intent(ApplicationProvider.getApplicationContext(), MainActivity::class.java).putExtra("mode", "selftest"))
        compose.waitUntil(240_000) { compose.onAllNodes(hasText("Stop")).fetchSemanticsNodes().isEmpty() }
        assertTrue(compose.onAllNodesWithText(", 0 failed, ", substring = true).fetchSemanticsNodes().isNotEmpty())
        screen("self-test", compared = false)
    }

    @Test
    fun adbStartsTheBenchmark() {
        start(
            Intent(ApplicationProvider.getApplicationContext(), MainActivity::class.java)
                .putExtra("mode", "benchmark")
                .putExtra("quick", true)
                .putExtra("graph", "preview")
                .putExtra("run_id", "test-run"),
        )
        compose.waitUntil(120_000) { compose.onAllNodes(hasText("Stop")).fetchSemanticsNodes().isEmpty() }
        screen("benchmark", compared = false)
        val app = ApplicationProvider.getApplicationContext<TestApplication>()
        val rows = File(app.services.rowsFolder, "test-run.jsonl").readLines()
        assertEquals("latency, memory and sustained of one file", 3, rows.size)
        File(checkNotNull(System.getProperty("reblur.rows"))).writeText(rows.joinToString("\n", postfix = "\n"))
    }

    private fun problemWith(
        engines: List<Engine>? = null,
        files: File? = null,
        photo: File = photo(),
        name: String? = null,
    ): String {
        TestApplication.enginesOverride = engines
        TestApplication.filesOverride = files
        startWith(photo)
        compose.waitUntil(60_000) { compose.onAllNodesWithText("That did not work").fetchSemanticsNodes().isNotEmpty() }
        if (name != null) screen(name, compared = false)
        val text = compose.onAllNodes(hasText(".", substring = true)).fetchSemanticsNodes()
        return text.map { it.config[SemanticsProperties.Text].joinToString() }.last { it.endsWith(".") || it.endsWith(")") }
    }

    @Test
    fun aBrokenFileIsOneSentence() {
        val broken = File.createTempFile("broken", ".jpg").apply { writeText("no picture") }
        assertEquals(
            "This file is no photograph that Android can read, or it is damaged: choose another one.",
            problemWith(photo = broken, name = "error"),
        )
    }

    /** A copy of the export, small enough to damage. */
    private fun copied(change: (File) -> Unit): File {
        val source = checkNotNull(artifactsFolder())
        val copy = java.nio.file.Files.createTempDirectory("models").toFile()
        source.listFiles().orEmpty().filter { it.name.endsWith(".tflite") || it.name == ModelFiles.MANIFEST }.forEach { it.copyTo(File(copy, it.name)) }
        File(source, "golden").copyRecursively(File(copy, "golden"))
        change(copy)
        return copy
    }

    @Test
    fun aDamagedModelIsOneSentence() {
        val said =
            problemWith(files = copied { folder -> File(folder, "deblur_fp32.tflite").let { it.writeBytes(it.readBytes().copyOf(1000)) } })
        assertTrue(said, said.startsWith("deblur_fp32.tflite is damaged, it has 1000 of "))
    }

    @Test
    fun aWrongDigestIsOneSentence() {
        val folder = copied { folder -> File(folder, "deblur_fp32.tflite").let { file -> file.writeBytes(file.readBytes().also { it[999]++ }) } }
        assertEquals(
            "deblur_fp32.tflite is not the file that the manifest describes: install the app again.",
            problemWith(files = folder),
        )
    }

    @Test
    fun aLaterManifestIsOneSentence() {
        val folder =
            copied { folder ->
                File(folder, ModelFiles.MANIFEST).let { it.writeText(it.readText().replaceFirst("\"schema_version\": 5", "\"schema_version\": 6")) }
            }
        assertEquals("The models' manifest is of version 6, this app reads version 5: update the app.", problemWith(files = folder))
    }

    @Test
    fun anEngineThatThrowsIsOneSentence() {
        val said = problemWith(listOf(BrokenEngine { _, _ -> error("the driver gave up") }))
        assertTrue(said, said.contains("runs on nothing here. CPU: the driver gave up"))
    }

    @Test
    fun anEngineThatReturnsNaNIsOneSentence() {
        val said = problemWith(listOf(BrokenEngine { _, answer -> FloatArray(answer.size) { Float.NaN } }))
        assertTrue(said, said.contains("gave values that are no numbers"))
    }

    @Test
    fun anEngineThatReturnsTheInputIsOneSentence() {
        val said =
            problemWith(
                listOf(BrokenEngine { inputs, answer -> inputs.values.first().let { if (it.size == answer.size) it else answer } }),
                name = "error-engine",
            )
        assertTrue(said, said.contains("its answer is the input, unchanged"))
    }
}
