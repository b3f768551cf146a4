package org.reblur.demo.ui

import android.content.ActivityNotFoundException
import android.content.Context
import android.content.Intent
import android.net.Uri
import android.os.Build
import androidx.activity.compose.rememberLauncherForActivityResult
import androidx.activity.result.PickVisualMediaRequest
import androidx.activity.result.contract.ActivityResultContracts
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.platform.LocalContext
import androidx.core.content.FileProvider
import java.io.File

/** The system's photo picker. */
@Composable
fun rememberPhotoPicker(onPhoto: (String) -> Unit): () -> Unit {
    val picker = rememberLauncherForActivityResult(ActivityResultContracts.PickVisualMedia()) { uri -> uri?.let { onPhoto(it.toString()) } }
    return { picker.launch(PickVisualMediaRequest(ActivityResultContracts.PickVisualMedia.ImageOnly)) }
}

/** The phone's camera app; it writes into the app's own folder. */
@Composable
fun rememberCamera(onPhoto: (String) -> Unit): () -> Unit {
    val context = LocalContext.current
    var target by rememberSaveable { mutableStateOf<String?>(null) }
    val camera =
        rememberLauncherForActivityResult(ActivityResultContracts.TakePicture()) { isTaken ->
            target?.takeIf { isTaken }?.let(onPhoto)
        }
    return {
        val uri = cameraTarget(context)
        target = uri.toString()
        try {
            camera.launch(uri)
        } catch (_: ActivityNotFoundException) {
            target = null
        }
    }
}

private fun cameraTarget(context: Context): Uri {
    val file = File(context.cacheDir, "camera/photo.jpg").also { it.parentFile?.mkdirs() }
    return FileProvider.getUriForFile(context, "${context.packageName}.files", file)
}

/** To the gallery, or, before Android 10, to a place that is chosen. */
@Composable
fun rememberSaver(save: (target: String?) -> Unit): () -> Unit {
    val chooser =
        rememberLauncherForActivityResult(ActivityResultContracts.CreateDocument("image/jpeg")) { uri ->
            uri?.let { save(it.toString()) }
        }
    return { if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) save(null) else chooser.launch("refocused.jpg") }
}

/** The share sheet with what was saved. */
@Composable
fun rememberPhotoSharer(): (String) -> Unit {
    val context = LocalContext.current
    return { saved ->
        val send =
            Intent(Intent.ACTION_SEND)
                .setType("image/jpeg")
                .putExtra(Intent.EXTRA_STREAM, Uri.parse(saved))
                .addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
        context.startActivity(Intent.createChooser(send, null))
    }
}

/** The share sheet with text, such as the self-test's JSON. */
@Composable
fun rememberTextSharer(): (String) -> Unit {
    val context = LocalContext.current
    return { text ->
        context
            .startActivity(Intent.createChooser(Intent(Intent.ACTION_SEND).setType("text/plain").putExtra(Intent.EXTRA_TEXT, text), null))
    }
}
