package org.reblur.demo

import android.content.Intent
import android.graphics.Bitmap
import android.net.Uri
import androidx.compose.ui.semantics.SemanticsActions
import androidx.compose.ui.semantics.SemanticsProperties
import androidx.compose.ui.test.SemanticsMatcher
import androidx.compose.ui.test.junit4.v2.createEmptyComposeRule
import androidx.compose.ui.test.onAllNodesWithText
import androidx.compose.ui.test.onNodeWithContentDescription
import androidx.test.core.app.ActivityScenario
import androidx.test.core.app.ApplicationProvider
import org.junit.After
import org.junit.Assume.assumeNotNull
import org.junit.Before
import org.junit.Rule
import org.reblur.core.testing.artifactsFolder
import java.io.File

/** The real activity, manifest, resources and models; only the phone is missing. */
abstract class AppHarness {
    @get:Rule val compose = createEmptyComposeRule()
    protected var scenario: ActivityScenario<MainActivity>? = null

    protected val picture
        get() = compose.onNodeWithContentDescription("The refocused photo. Tap to focus, hold to see it as it was.")

    @Before
    fun needsAnExport() = assumeNotNull("no export: run `make export`", artifactsFolder())

    @After
    fun close() {
        scenario?.close()
        TestApplication.filesOverride = null
        TestApplication.enginesOverride = null
    }

    protected fun start(intent: Intent = Intent(ApplicationProvider.getApplicationContext(), MainActivity::class.java)) {
        scenario = ActivityScenario.launch(intent)
    }

    /** As the share sheet would start it. */
    protected fun startWith(file: File) =
        start(
            Intent(ApplicationProvider.getApplicationContext(), MainActivity::class.java)
                .setAction(Intent.ACTION_SEND)
                .putExtra(Intent.EXTRA_STREAM, Uri.fromFile(file)),
        )

    protected fun photo(name: String = "astronaut_face.jpg") = File(checkNotNull(System.getProperty("reblur.photos")), name)

    protected fun waitForResult() {
        compose.waitUntil(300_000) { isIdle() }
    }

    private fun isIdle(): Boolean {
        val progress = SemanticsMatcher.keyIsDefined(SemanticsProperties.ProgressBarRangeInfo)
        val bars =
            compose.onAllNodes(progress).fetchSemanticsNodes().filter { SemanticsActions.SetProgress !in it.config }
        return bars.isEmpty() && compose.onAllNodesWithText("Choose a photo").fetchSemanticsNodes().isEmpty()
    }

    protected fun screen(
        name: String,
        compared: Boolean = true,
    ): Bitmap {
        compose.waitForIdle()
        var bitmap: Bitmap? = null
        checkNotNull(scenario).onActivity { bitmap = Screens.take(it.window, name) }
        return checkNotNull(bitmap).also { if (compared) Screens.compare(it, name) }
    }
}
