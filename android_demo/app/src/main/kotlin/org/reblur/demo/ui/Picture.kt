package org.reblur.demo.ui

import android.graphics.Bitmap
import androidx.compose.foundation.Canvas
import androidx.compose.foundation.Image
import androidx.compose.foundation.gestures.detectTapGestures
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.BoxWithConstraints
import androidx.compose.foundation.layout.size
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.geometry.Offset
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.graphics.asImageBitmap
import androidx.compose.ui.graphics.drawscope.Stroke
import androidx.compose.ui.input.pointer.pointerInput
import androidx.compose.ui.layout.ContentScale
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.CustomAccessibilityAction
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.customActions
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.semantics.stateDescription
import androidx.compose.ui.unit.dp
import androidx.compose.ui.unit.min
import org.reblur.core.refocusing.Focus
import org.reblur.demo.R
import org.reblur.demo.Raster
import org.reblur.demo.UiActions
import org.reblur.demo.UiState

/** The picture: a tap focuses, holding shows the photograph as it was. */
@Composable
fun Picture(
    state: UiState,
    actions: UiActions,
    modifier: Modifier,
) {
    var comparing by remember { mutableStateOf(false) }
    val shown =
        when {
            comparing -> state.original
            state.showsMap -> state.map
            else -> state.refocused ?: state.original
        } ?: return
    val bitmap = remember(shown) { shown.toBitmap() }
    val gestures =
        Modifier.pointerInput(actions) {
            detectTapGestures(
                onTap = { actions.setFocus(Focus((it.x / size.width).coerceIn(0f, 1f), (it.y / size.height).coerceIn(0f, 1f))) },
                onLongPress = { comparing = true },
                onPress = {
                    tryAwaitRelease()
                    comparing = false
                },
            )
        }
    BoxWithConstraints(modifier, Alignment.Center) {
        val scale = min(maxWidth / shown.width, maxHeight / shown.height)
        Box(Modifier.size(scale * shown.width, scale * shown.height).then(gestures).then(described(state, actions))) {
            Image(bitmap, null, Modifier.matchParentSize(), contentScale = ContentScale.FillBounds)
            if (!comparing) Ring(state.focus, Modifier.matchParentSize())
        }
    }
}

/** For TalkBack: what it is, where the focus is, and the places to focus that need no eye. */
@Composable
private fun described(
    state: UiState,
    actions: UiActions,
): Modifier {
    val what = stringResource(if (state.showsMap) R.string.map_described else R.string.picture_described)
    val where = stringResource(R.string.focus_at, (state.focus.x * PERCENT).toInt(), (state.focus.y * PERCENT).toInt())
    val places =
        listOf(
            R.string.focus_centre to Focus(0.5f, 0.5f),
            R.string.focus_left to Focus(0.2f, 0.5f),
            R.string.focus_right to Focus(0.8f, 0.5f),
            R.string.focus_top to Focus(0.5f, 0.2f),
            R.string.focus_bottom to Focus(0.5f, 0.8f),
        ).map { (name, focus) ->
            CustomAccessibilityAction(stringResource(name)) {
                actions.setFocus(focus)
                true
            }
        }
    return Modifier.semantics {
        contentDescription = what
        stateDescription = where
        customActions = places
    }
}

@Composable
private fun Ring(
    focus: Focus,
    modifier: Modifier,
) = Canvas(modifier) {
    val centre = Offset(focus.x * size.width, focus.y * size.height)
    drawCircle(Color.Black.copy(alpha = 0.5f), 24.dp.toPx(), centre, style = Stroke(4.dp.toPx()))
    drawCircle(Color.White, 24.dp.toPx(), centre, style = Stroke(2.dp.toPx()))
    drawCircle(Color.White, 2.dp.toPx(), centre)
}

private fun Raster.toBitmap() = Bitmap.createBitmap(pixels, width, height, Bitmap.Config.ARGB_8888).asImageBitmap()

private const val PERCENT = 100
