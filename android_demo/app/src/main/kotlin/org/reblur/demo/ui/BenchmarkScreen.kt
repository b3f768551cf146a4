package org.reblur.demo.ui

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.lazy.LazyColumn
import androidx.compose.foundation.lazy.items
import androidx.compose.material3.Button
import androidx.compose.material3.HorizontalDivider
import androidx.compose.material3.LinearProgressIndicator
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedButton
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.DisposableEffect
import androidx.compose.ui.Modifier
import androidx.compose.ui.platform.LocalView
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.unit.dp
import org.reblur.demo.R
import org.reblur.demo.UiActions
import org.reblur.demo.UiState
import org.reblur.core.benchmark.Row as Measurement

/** Times and memory of every file on every engine and accelerator, as rows that `benchmarks` reads. */
@Composable
fun BenchmarkScreen(
    state: UiState,
    actions: UiActions,
) {
    val view = LocalView.current
    DisposableEffect(state.measuring) {
        view.keepScreenOn = state.measuring
        onDispose { view.keepScreenOn = false }
    }
    Column(Modifier.fillMaxSize().padding(horizontal = 16.dp)) {
        Text(stringResource(R.string.benchmark_explained), style = MaterialTheme.typography.bodyMedium)
        Row(Modifier.padding(vertical = 8.dp), Arrangement.spacedBy(8.dp)) {
            if (state.measuring) {
                OutlinedButton(actions::stop) { Text(stringResource(R.string.stop)) }
            } else {
                Button({ actions.runBenchmark(quick = false) }) { Text(stringResource(R.string.measure)) }
                OutlinedButton({ actions.runBenchmark(quick = true) }) { Text(stringResource(R.string.quick_look)) }
            }
        }
        if (state.measuring) LinearProgressIndicator(Modifier.fillMaxWidth())
        state.rowsFile?.let {
            Text(stringResource(R.string.rows_go_to, it), Modifier.padding(vertical = 8.dp), style = MaterialTheme.typography.bodySmall)
        }
        LazyColumn(Modifier.fillMaxSize()) { items(state.rows) { MeasurementLine(it) } }
    }
}

@Composable
private fun MeasurementLine(row: Measurement) =
    Column(Modifier.fillMaxWidth().padding(vertical = 6.dp).semantics(mergeDescendants = true) {}) {
        Row(Modifier.fillMaxWidth(), Arrangement.SpaceBetween) {
            Text(
                stringResource(R.string.row_title, row.subject.id, row.pass, row.repeat.index, row.repeat.of),
                Modifier.weight(1f),
                style = MaterialTheme.typography.bodyMedium,
            )
            Text(figureOf(row), style = MaterialTheme.typography.labelLarge)
        }
        Text(
            stringResource(R.string.row_engine, row.engine.acceleratorRequested, row.engine.acceleratorUsed) +
                (if (row.timing?.quick == true) stringResource(R.string.row_quick) else "") +
                (if (row.reason.isEmpty()) "" else ": ${row.reason}"),
            style = MaterialTheme.typography.bodySmall,
            color = MaterialTheme.colorScheme.onSurfaceVariant,
        )
        HorizontalDivider(Modifier.padding(top = 6.dp))
    }

@Composable
private fun figureOf(row: Measurement): String {
    val timing = row.timing
    val memory = row.memory
    return when {
        timing != null -> stringResource(R.string.milliseconds, timing.rawMs.sorted()[timing.rawMs.size / 2])
        memory != null -> stringResource(R.string.mebibytes, memory.peakMib - memory.baselineMib)
        else -> row.status
    }
}
