package org.reblur.demo

import org.reblur.core.engines.ModelOwner
import org.reblur.core.engines.OpenModels

/** The one owner of open models. Used from the worker thread alone. */
class ModelHolder(
    private val services: Services,
) {
    private var open: OpenModels? = null

    /** Those that are open, or opened now. */
    fun open(check: () -> Unit): OpenModels =
        open ?: ModelOwner(services.files(), services.engines, services.choices).open(check = check).also { open = it }

    /** The largest sigma that the networks know. */
    fun sigmaMaxPx(): Float = open?.manifest?.sigmaMaxPx ?: services.files().manifest.sigmaMaxPx

    fun close() {
        open?.close()
        open = null
    }
}
