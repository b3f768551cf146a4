package org.reblur.demo.ui

import androidx.compose.ui.graphics.Color
import androidx.compose.ui.graphics.SolidColor
import androidx.compose.ui.graphics.vector.ImageVector
import androidx.compose.ui.graphics.vector.PathBuilder
import androidx.compose.ui.graphics.vector.path
import androidx.compose.ui.unit.dp

/** The few icons that the app has, drawn on a grid of 24. */
object Icons {
    val Back =
        icon("back") {
            moveTo(20f, 11f)
            horizontalLineTo(7.8f)
            lineTo(13.4f, 5.4f)
            lineTo(12f, 4f)
            lineTo(4f, 12f)
            lineTo(12f, 20f)
            lineTo(13.4f, 18.6f)
            lineTo(7.8f, 13f)
            horizontalLineTo(20f)
            close()
        }

    val More =
        icon("more") {
            for (y in listOf(6f, 12f, 18f)) dot(12f, y, 2f)
        }

    /** An aperture: a ring with a point of focus. */
    val Aperture =
        icon("aperture") {
            dot(12f, 12f, 10f)
            hole(12f, 12f, 8f)
            dot(12f, 12f, 4f)
        }

    private fun PathBuilder.dot(
        x: Float,
        y: Float,
        radius: Float,
    ) {
        moveTo(x - radius, y)
        arcToRelative(radius, radius, 0f, true, true, 2 * radius, 0f)
        arcToRelative(radius, radius, 0f, true, true, -2 * radius, 0f)
        close()
    }

    private fun PathBuilder.hole(
        x: Float,
        y: Float,
        radius: Float,
    ) {
        moveTo(x - radius, y)
        arcToRelative(radius, radius, 0f, true, false, 2 * radius, 0f)
        arcToRelative(radius, radius, 0f, true, false, -2 * radius, 0f)
        close()
    }

    private fun icon(
        name: String,
        draw: PathBuilder.() -> Unit,
    ): ImageVector = ImageVector.Builder(name, 24.dp, 24.dp, 24f, 24f).path(fill = SolidColor(Color.Black), pathBuilder = draw).build()
}
