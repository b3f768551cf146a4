package org.reblur.core

import org.junit.Assert.assertEquals
import org.junit.Assume.assumeNotNull
import org.reblur.core.manifest.AgreementRules
import org.reblur.core.manifest.HighlightRules
import org.reblur.core.manifest.ModelFiles
import org.reblur.core.manifest.OpticsRules
import org.reblur.core.manifest.SmoothingRules
import org.reblur.core.testing.artifactsFolder
import kotlin.math.abs

/** The rules that the checked-in vectors were made with: those of manifest version 5. */
object Rules {
    const val SIGMA_MAX_PX = 6f
    const val TARGET_MAX_PX = 32f
    val smoothing =
        SmoothingRules(
            "fast weighted guided filter", 4, 1.0 / 24, 1, 4, 0.02, 1e-2, listOf(0.299f, 0.587f, 0.114f), 0.02f, 1e-3f,
        )
    val optics = OpticsRules("signed thin lens", 2.0, listOf(0.15f, 0.45f), 0.03, 1)
    val highlights = HighlightRules("isolated clipped pixels", listOf(0.94f, 0.985f), 4f, 1.0 / 32, 0.12)
    val agreement = AgreementRules(0.2f, 0.4f)
}

fun assertClose(
    expected: Planes,
    found: Planes,
    within: Float = 1e-5f,
) {
    assertEquals(
        listOf(expected.channels, expected.height, expected.width),
        listOf(found.channels, found.height, found.width),
    )
    val worst = expected.values.indices.maxBy { abs(expected.values[it] - found.values[it]).let { e -> if (e.isNaN()) 1e9f else e } }
    assertEquals("at $worst", expected.values[worst], found.values[worst], within)
}

/** The export to test with; without one the test is not run. */
fun export(): ModelFiles {
    val folder = artifactsFolder()
    assumeNotNull("no export: run `make export`", folder)
    return ModelFiles(checkNotNull(folder))
}
