package org.reblur.demo.ui

import androidx.activity.compose.BackHandler
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.material3.ButtonDefaults
import androidx.compose.material3.Card
import androidx.compose.material3.CardDefaults
import androidx.compose.material3.DropdownMenu
import androidx.compose.material3.DropdownMenuItem
import androidx.compose.material3.ExperimentalMaterial3Api
import androidx.compose.material3.Icon
import androidx.compose.material3.IconButton
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.material3.TopAppBar
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.LiveRegionMode
import androidx.compose.ui.semantics.liveRegion
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.unit.dp
import androidx.lifecycle.compose.collectAsStateWithLifecycle
import org.reblur.demo.DemoViewModel
import org.reblur.demo.R
import org.reblur.demo.Screen
import org.reblur.demo.UiActions
import org.reblur.demo.UiState

@Composable
fun DemoScreen(viewModel: DemoViewModel) {
    val state by viewModel.state.collectAsStateWithLifecycle()
    DemoScreen(state, viewModel)
}

/** The bar, the problem where there is one, and the screen that is shown. */
@OptIn(ExperimentalMaterial3Api::class)
@Composable
fun DemoScreen(
    state: UiState,
    actions: UiActions,
) {
    val isInside = state.screen != Screen.PHOTO || state.original != null || state.work != null
    val back = { if (state.screen != Screen.PHOTO) actions.show(Screen.PHOTO) else actions.closePhoto() }
    BackHandler(isInside, back)
    Scaffold(
        topBar = {
            TopAppBar(
                title = { Text(stringResource(titleOf(state.screen))) },
                navigationIcon = {
                    if (isInside) {
                        IconButton(back) { Icon(Icons.Back, stringResource(R.string.back)) }
                    }
                },
                actions = { if (state.screen == Screen.PHOTO) Menu(actions) },
            )
        },
    ) { insets ->
        Column(Modifier.padding(insets).fillMaxSize()) {
            state.problem?.let { Problem(it, actions) }
            when (state.screen) {
                Screen.PHOTO -> PhotoScreen(state, actions)
                Screen.SELF_TEST -> SelfTestScreen(state, actions)
                Screen.BENCHMARK -> BenchmarkScreen(state, actions)
            }
        }
    }
}

private fun titleOf(screen: Screen) =
    when (screen) {
        Screen.PHOTO -> R.string.app_name
        Screen.SELF_TEST -> R.string.self_test
        Screen.BENCHMARK -> R.string.benchmark
    }

@Composable
private fun Menu(actions: UiActions) {
    var isOpen by remember { mutableStateOf(false) }
    IconButton({ isOpen = true }) { Icon(Icons.More, stringResource(R.string.more)) }
    DropdownMenu(isOpen, { isOpen = false }) {
        for ((screen, title) in listOf(Screen.SELF_TEST to R.string.self_test, Screen.BENCHMARK to R.string.benchmark)) {
            DropdownMenuItem(
                text = { Text(stringResource(title)) },
                onClick = {
                    isOpen = false
                    actions.show(screen)
                },
            )
        }
    }
}

/** One sentence on what went wrong, read out by TalkBack, above whatever is shown. */
@Composable
private fun Problem(
    sentence: String,
    actions: UiActions,
) = Card(
    Modifier.fillMaxWidth().padding(16.dp),
    colors =
        CardDefaults.cardColors(
            containerColor = MaterialTheme.colorScheme.errorContainer,
            contentColor = MaterialTheme.colorScheme.onErrorContainer,
        ),
) {
    Column(Modifier.padding(start = 16.dp, top = 16.dp, end = 16.dp)) {
        Text(stringResource(R.string.problem), style = MaterialTheme.typography.titleMedium)
        Text(sentence, Modifier.padding(top = 4.dp).semantics { liveRegion = LiveRegionMode.Assertive })
        TextButton(
            actions::dismiss,
            Modifier.align(Alignment.End),
            colors = ButtonDefaults.textButtonColors(contentColor = MaterialTheme.colorScheme.onErrorContainer),
        ) { Text(stringResource(R.string.ok)) }
    }
}
