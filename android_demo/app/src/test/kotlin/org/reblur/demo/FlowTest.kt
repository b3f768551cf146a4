package org.reblur.demo

import android.content.Intent
import androidx.compose.ui.geometry.Offset
import androidx.compose.ui.semantics.SemanticsActions
import androidx.compose.ui.semantics.SemanticsProperties
import androidx.compose.ui.test.SemanticsMatcher
import androidx.compose.ui.test.assert
import androidx.compose.ui.test.assertIsDisplayed
import androidx.compose.ui.test.click
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.onAllNodesWithText
import androidx.compose.ui.test.onNodeWithContentDescription
import androidx.compose.ui.test.onNodeWithText
import androidx.compose.ui.test.performClick
import androidx.compose.ui.test.performScrollTo
import androidx.compose.ui.test.performSemanticsAction
import androidx.compose.ui.test.performTouchInput
import androidx.test.core.app.ApplicationProvider
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import java.io.File

/** The whole flow, tap by tap. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35], application = TestApplication::class, qualifiers = "w411dp-h891dp-420dpi")
class FlowTest : AppHarness() {
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
        val tapped = screen("tapped", compared = android.os.Build.VERSION.SDK_INT == 35)
        assertTrue("the picture changes with the focus", Screens.meanDifference(before, tapped) > 0.5)

        compose.onNodeWithContentDescription("Aperture").performSemanticsAction(SemanticsActions.SetProgress) { it(0f) }
        waitForResult()
        compose.onNodeWithText("f/16.0").assertExists()

        compose.onNodeWithText("Blur map").performScrollTo().performClick()
        screen("map", compared = android.os.Build.VERSION.SDK_INT == 35)

        compose.onNodeWithContentDescription("Back").performClick()
        compose.onNodeWithText("Choose a photo").assertExists()
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

    /** Whether something is shown and nothing is left to be stopped. */
    private fun isDone(text: String) =
        compose.onAllNodesWithText(text, substring = true).fetchSemanticsNodes().isNotEmpty() &&
            compose.onAllNodes(hasText("Stop")).fetchSemanticsNodes().isEmpty()

    @Test
    fun theSelfTestShowsItsTable() {
        start(Intent(ApplicationProvider.getApplicationContext(), MainActivity::class.java).putExtra("mode", "selftest"))
        compose.waitUntil(600_000) { isDone(" not run") }
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
        compose.waitUntil(300_000) { isDone("sustained 1/1") }
        screen("benchmark", compared = false)
        val app = ApplicationProvider.getApplicationContext<TestApplication>()
        val rows = File(app.services.rowsFolder, "test-run.jsonl").readLines()
        assertEquals("latency, memory and sustained of one file", 3, rows.size)
        File(checkNotNull(System.getProperty("reblur.rows"))).writeText(rows.joinToString("\n", postfix = "\n"))
    }
}
