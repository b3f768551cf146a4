package org.reblur.demo.ui

import android.os.Build
import androidx.compose.foundation.isSystemInDarkTheme
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.darkColorScheme
import androidx.compose.material3.dynamicDarkColorScheme
import androidx.compose.material3.dynamicLightColorScheme
import androidx.compose.material3.lightColorScheme
import androidx.compose.runtime.Composable
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.platform.LocalContext

private val Light =
    lightColorScheme(
        primary = Color(0xFF4B4FA8),
        onPrimary = Color.White,
        primaryContainer = Color(0xFFE1E0FF),
        onPrimaryContainer = Color(0xFF06006C),
        secondaryContainer = Color(0xFFE3E0F3),
        onSecondaryContainer = Color(0xFF1A1A2C),
        background = Color(0xFFFBF8FF),
        surface = Color(0xFFFBF8FF),
    )

private val Dark =
    darkColorScheme(
        primary = Color(0xFFC0C1FF),
        onPrimary = Color(0xFF1B1F77),
        primaryContainer = Color(0xFF33378F),
        onPrimaryContainer = Color(0xFFE1E0FF),
        secondaryContainer = Color(0xFF444559),
        onSecondaryContainer = Color(0xFFE1E0F9),
        background = Color(0xFF121318),
        surface = Color(0xFF121318),
    )

/** The phone's own colours where it has any, light or dark as it is set. */
@Composable
fun DemoTheme(content: @Composable () -> Unit) {
    val dark = isSystemInDarkTheme()
    val context = LocalContext.current
    val colours =
        when {
            Build.VERSION.SDK_INT >= Build.VERSION_CODES.S && !isTest -> {
                if (dark) dynamicDarkColorScheme(context) else dynamicLightColorScheme(context)
            }

            dark -> {
                Dark
            }

            else -> {
                Light
            }
        }
    MaterialTheme(colorScheme = colours, content = content)
}

/** Stored screens are to look alike on every version of Android. */
private val isTest = Build.FINGERPRINT == "robolectric"
