package org.reblur.demo.ui

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.BoxWithConstraints
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.ColumnScope
import androidx.compose.foundation.layout.ExperimentalLayoutApi
import androidx.compose.foundation.layout.FlowRow
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.Spacer
import androidx.compose.foundation.layout.fillMaxHeight
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.height
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.size
import androidx.compose.foundation.layout.widthIn
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.Button
import androidx.compose.material3.FilterChip
import androidx.compose.material3.Icon
import androidx.compose.material3.LinearProgressIndicator
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedButton
import androidx.compose.material3.Slider
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.LiveRegionMode
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.liveRegion
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.semantics.stateDescription
import androidx.compose.ui.text.style.TextAlign
import androidx.compose.ui.unit.dp
import androidx.compose.ui.unit.min
import org.reblur.demo.R
import org.reblur.demo.UiActions
import org.reblur.demo.UiState
import org.reblur.demo.Work
import kotlin.math.ln
import kotlin.math.pow

/** Choosing a photograph; then the picture, and below it (beside it, lying) what can be done with it. */
@Composable
fun PhotoScreen(
    state: UiState,
    actions: UiActions,
) {
    if (state.original == null) {
        Start(state, actions)
        return
    }
    BoxWithConstraints(Modifier.fillMaxSize()) {
        if (maxWidth > maxHeight) {
            Row(Modifier.fillMaxSize(), Arrangement.spacedBy(16.dp)) {
                Picture(state, actions, Modifier.weight(1f).fillMaxHeight())
                Column(
                    Modifier
                        .widthIn(max = 360.dp)
                        .weight(1f)
                        .fillMaxHeight()
                        .verticalScroll(rememberScrollState())
                        .padding(end = 16.dp),
                ) {
                    Controls(state, actions)
                }
            }
        } else {
            Column(Modifier.fillMaxSize().verticalScroll(rememberScrollState())) {
                val whole = this@BoxWithConstraints.maxWidth * state.original.height / state.original.width
                val height = min(whole, this@BoxWithConstraints.maxHeight * PICTURE_SHARE)
                Picture(state, actions, Modifier.fillMaxWidth().height(height))
                Column(Modifier.padding(horizontal = 16.dp)) { Controls(state, actions) }
            }
        }
    }
}

@Composable
private fun Start(
    state: UiState,
    actions: UiActions,
) {
    val pick = rememberPhotoPicker(actions::openPhoto)
    val camera = rememberCamera(actions::openPhoto)
    Column(
        Modifier.fillMaxSize().verticalScroll(rememberScrollState()).padding(32.dp),
        Arrangement.spacedBy(16.dp, Alignment.CenterVertically),
        Alignment.CenterHorizontally,
    ) {
        Icon(Icons.Aperture, null, Modifier.size(96.dp), MaterialTheme.colorScheme.primary)
        Text(stringResource(R.string.headline), style = MaterialTheme.typography.headlineSmall, textAlign = TextAlign.Center)
        Text(
            stringResource(R.string.explanation),
            style = MaterialTheme.typography.bodyLarge,
            color = MaterialTheme.colorScheme.onSurfaceVariant,
            textAlign = TextAlign.Center,
        )
        Spacer(Modifier.height(8.dp))
        if (state.work == null) {
            Button(pick, Modifier.widthIn(min = 220.dp)) { Text(stringResource(R.string.choose)) }
            OutlinedButton(camera, Modifier.widthIn(min = 220.dp)) { Text(stringResource(R.string.take)) }
        } else {
            Progress(state.work)
        }
    }
}

@OptIn(ExperimentalLayoutApi::class)
@Composable
private fun ColumnScope.Controls(
    state: UiState,
    actions: UiActions,
) {
    Text(
        stringResource(R.string.hint),
        Modifier.padding(vertical = 8.dp),
        style = MaterialTheme.typography.bodyMedium,
        color = MaterialTheme.colorScheme.onSurfaceVariant,
    )
    Aperture(state, actions)
    FlowRow(horizontalArrangement = Arrangement.spacedBy(8.dp)) {
        FilterChip(!state.showsMap, { actions.showMap(false) }, { Text(stringResource(R.string.result)) })
        FilterChip(state.showsMap, { actions.showMap(true) }, { Text(stringResource(R.string.map)) })
    }
    if (state.work == null) Spacer(Modifier.height(PROGRESS_HEIGHT)) else Progress(state.work)
    val save = rememberSaver(actions::save)
    val share = rememberPhotoSharer()
    FlowRow(horizontalArrangement = Arrangement.spacedBy(8.dp)) {
        Button(save, enabled = state.work == null) { Text(stringResource(R.string.save)) }
        OutlinedButton({ state.saved?.let(share) }, enabled = state.saved != null) { Text(stringResource(R.string.share)) }
        OutlinedButton(actions::closePhoto) { Text(stringResource(R.string.another)) }
    }
    state.note?.let {
        Text(it, Modifier.padding(top = 8.dp).semantics { liveRegion = LiveRegionMode.Polite }, style = MaterialTheme.typography.bodyMedium)
    }
    EngineLine(state)
}

@Composable
private fun Aperture(
    state: UiState,
    actions: UiActions,
) {
    val label = stringResource(R.string.aperture)
    val shown = stringResource(R.string.f_number, state.fNumber)
    Row(Modifier.fillMaxWidth(), Arrangement.SpaceBetween) {
        Text(label, style = MaterialTheme.typography.labelLarge)
        Text(shown, style = MaterialTheme.typography.labelLarge)
    }
    Slider(
        value = positionOf(state.fNumber),
        onValueChange = { actions.setAperture(fNumberAt(it)) },
        onValueChangeFinished = actions::settleAperture,
        modifier =
            Modifier.semantics {
                contentDescription = label
                stateDescription = shown
            },
    )
}

/** Where it runs, and why not where it was asked to. */
@Composable
private fun EngineLine(state: UiState) {
    val engine = state.engine ?: return
    val style = MaterialTheme.typography.bodySmall
    val colour = MaterialTheme.colorScheme.onSurfaceVariant
    Text(stringResource(R.string.models, engine.pipeline, engine.runtime), Modifier.padding(top = 12.dp), colour, style = style)
    for (graph in engine.graphs) {
        val nodes = graph.placement?.let { stringResource(R.string.nodes, it.nodesDelegated, it.nodesTotal, it.partitions) }.orEmpty()
        Text(stringResource(R.string.runs_on, graph.graph, graph.got.name, graph.asked.name) + nodes, color = colour, style = style)
    }
    for (refusal in engine.refusals + engine.graphs.flatMap { it.refusals }.distinct()) Text(refusal, color = colour, style = style)
    state.depth?.let { Text(stringResource(R.string.depth, it), color = colour, style = style) }
}

@Composable
private fun Progress(work: Work) {
    val (label, share) =
        when (work) {
            Work.OpeningModels -> stringResource(R.string.opening_models) to null
            Work.ReadingPhoto -> stringResource(R.string.reading_photo) to null
            is Work.Analysing -> stringResource(R.string.analysing, work.done, work.total) to work.done.toFloat() / work.total
            Work.Rendering -> stringResource(R.string.rendering) to null
            is Work.Saving -> stringResource(R.string.saving) to work.share
        }
    Column(Modifier.fillMaxWidth().height(PROGRESS_HEIGHT), Arrangement.Center) {
        Text(label, Modifier.semantics { liveRegion = LiveRegionMode.Polite }, style = MaterialTheme.typography.labelMedium)
        Spacer(Modifier.height(4.dp))
        if (share == null) {
            LinearProgressIndicator(Modifier.fillMaxWidth())
        } else {
            LinearProgressIndicator({ share }, Modifier.fillMaxWidth())
        }
    }
}

private val PROGRESS_HEIGHT = 40.dp
private const val PICTURE_SHARE = 0.58f
private val RANGE = UiState.WIDEST_F_NUMBER / UiState.NARROWEST_F_NUMBER

/** The slider goes by stops: to the right the aperture opens. */
internal fun fNumberAt(position: Float): Float = UiState.NARROWEST_F_NUMBER * RANGE.pow(position)

internal fun positionOf(fNumber: Float): Float = (ln(fNumber / UiState.NARROWEST_F_NUMBER) / ln(RANGE)).coerceIn(0f, 1f)
