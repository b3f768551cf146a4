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
import androidx.compose.ui.Modifier
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.font.FontWeight
import androidx.compose.ui.unit.dp
import org.reblur.core.engines.Check
import org.reblur.demo.R
import org.reblur.demo.UiActions
import org.reblur.demo.UiState

/** Every file on every engine and accelerator against the golden vectors: errors, tolerances, passed or not. */
@Composable
fun SelfTestScreen(
    state: UiState,
    actions: UiActions,
) {
    val report = state.selfTest
    val share = rememberTextSharer()
    Column(Modifier.fillMaxSize().padding(horizontal = 16.dp)) {
        Text(stringResource(R.string.self_test_explained), style = MaterialTheme.typography.bodyMedium)
        Row(Modifier.padding(vertical = 8.dp), Arrangement.spacedBy(8.dp)) {
            if (state.testing) {
                OutlinedButton(actions::stop) { Text(stringResource(R.string.stop)) }
            } else {
                Button(actions::runSelfTest) { Text(stringResource(R.string.run)) }
                OutlinedButton({
                    report?.let { share(it.toJson()) }
                }, enabled = report != null) { Text(stringResource(R.string.share_json)) }
            }
        }
        if (state.testing) LinearProgressIndicator(Modifier.fillMaxWidth())
        if (report == null) return@Column
        Text(
            stringResource(R.string.self_test_counts, report.passed, report.failed, report.notRun),
            Modifier.padding(vertical = 8.dp),
            color = if (report.failed > 0) MaterialTheme.colorScheme.error else MaterialTheme.colorScheme.onSurface,
            style = MaterialTheme.typography.titleMedium,
        )
        LazyColumn(Modifier.fillMaxSize()) { items(report.checks) { CheckLine(it) } }
    }
}

@Composable
private fun CheckLine(check: Check) =
    Column(Modifier.fillMaxWidth().padding(vertical = 6.dp).semantics(mergeDescendants = true) {}) {
        Row(Modifier.fillMaxWidth(), Arrangement.SpaceBetween) {
            Text(
                stringResource(R.string.check_title, check.artifact, check.accelerator.name),
                Modifier.weight(1f),
                style = MaterialTheme.typography.bodyMedium,
            )
            Text(stringResource(nameOf(check.status)), color = colourOf(check.status), fontWeight = FontWeight.Bold)
        }
        val value = check.value
        val limit = check.limit
        val detail =
            if (value != null && limit != null) {
                stringResource(R.string.check_numbers, check.case, check.statistic, value, limit)
            } else {
                stringResource(R.string.check_reason, check.case, check.reason)
            }
        Text(detail, style = MaterialTheme.typography.bodySmall, color = MaterialTheme.colorScheme.onSurfaceVariant)
        HorizontalDivider(Modifier.padding(top = 6.dp))
    }

private fun nameOf(status: Check.Status) =
    when (status) {
        Check.Status.PASSED -> R.string.passed
        Check.Status.FAILED -> R.string.failed
        Check.Status.NOT_RUN -> R.string.not_run
    }

@Composable
private fun colourOf(status: Check.Status): Color =
    when (status) {
        Check.Status.PASSED -> MaterialTheme.colorScheme.primary
        Check.Status.FAILED -> MaterialTheme.colorScheme.error
        Check.Status.NOT_RUN -> MaterialTheme.colorScheme.onSurfaceVariant
    }
