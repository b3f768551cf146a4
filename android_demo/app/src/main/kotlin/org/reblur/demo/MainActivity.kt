package org.reblur.demo

import android.content.ComponentCallbacks2
import android.content.Intent
import android.net.Uri
import android.os.Build
import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.activity.compose.setContent
import androidx.activity.enableEdgeToEdge
import androidx.activity.viewModels
import androidx.annotation.RequiresApi
import androidx.lifecycle.createSavedStateHandle
import androidx.lifecycle.viewmodel.initializer
import androidx.lifecycle.viewmodel.viewModelFactory
import org.reblur.core.engines.Accelerator
import org.reblur.demo.ui.DemoScreen
import org.reblur.demo.ui.DemoTheme

/** The one activity: opened by the launcher, by the share sheet with a photograph, or by adb to measure. */
class MainActivity : ComponentActivity() {
    private val viewModel: DemoViewModel by viewModels {
        viewModelFactory {
            initializer { DemoViewModel((application as DemoApplication).services, createSavedStateHandle()) }
        }
    }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        enableEdgeToEdge()
        if (savedInstanceState == null) handle(intent)
        setContent { DemoTheme { DemoScreen(viewModel) } }
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        handle(intent)
    }

    override fun onTrimMemory(level: Int) {
        super.onTrimMemory(level)
        if (level >= ComponentCallbacks2.TRIM_MEMORY_BACKGROUND) viewModel.trimMemory()
    }

    private fun handle(intent: Intent) {
        if (intent.action == Intent.ACTION_SEND) {
            sharedPhoto(intent)?.let { viewModel.openPhoto(it.toString()) }
            return
        }
        when (intent.getStringExtra(MODE)) {
            "selftest" -> {
                viewModel.show(Screen.SELF_TEST)
                viewModel.runSelfTest()
            }

            "benchmark" -> {
                viewModel.runBenchmark(requestOf(intent))
            }
        }
    }

    private fun requestOf(intent: Intent) =
        BenchmarkRequest(
            runId = intent.getStringExtra("run_id"),
            quick = intent.getBooleanExtra("quick", false),
            backend = intent.getStringExtra("backend"),
            accelerator = intent.getStringExtra("accelerator")?.let { name ->
                Accelerator.entries.firstOrNull { it.name.equals(name, true) }
            },
            graph = intent.getStringExtra("graph"),
        )

    private fun sharedPhoto(intent: Intent): Uri? =
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) {
            typedPhoto(intent)
        } else {
            @Suppress("DEPRECATION")
            intent.getParcelableExtra(Intent.EXTRA_STREAM)
        }

    @RequiresApi(Build.VERSION_CODES.TIRAMISU)
    private fun typedPhoto(intent: Intent): Uri? = intent.getParcelableExtra(Intent.EXTRA_STREAM, Uri::class.java)

    private companion object {
        const val MODE = "mode"
    }
}
