/** The service worker: the page without a network after its first load, and threads on hosts that send no headers. */

const RELOADED = "studio-reloaded-for-threads";
const PATIENCE_MS = 3000;

/** Waits until the service worker sees what the page loads, so that all of it is there without a network. */
export async function prepareOffline(): Promise<void> {
  if (!("serviceWorker" in navigator) || !window.isSecureContext) return;
  try {
    await navigator.serviceWorker.register("./sw.js", { scope: "./" });
  } catch {
    return; // private windows may refuse: the page then needs its network
  }
  if (!navigator.serviceWorker.controller) {
    await Promise.race([
      new Promise((resolve) => {
        navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true });
      }),
      new Promise((resolve) => setTimeout(resolve, PATIENCE_MS)),
    ]);
  }
  if (!crossOriginIsolated && navigator.serviceWorker.controller && !sessionStorage.getItem(RELOADED)) {
    sessionStorage.setItem(RELOADED, "1");
    location.reload();
    await new Promise(() => undefined); // until the page is gone
  }
}
