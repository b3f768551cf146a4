/**
 * Service worker: keeps what the page has loaded, and gives every answer the two headers that threads ask for.
 *
 * Files with a digest in their names and the runtime come from the cache; pages, manifest and models from the network
 * where there is one.
 */
const scope = globalThis as unknown as ServiceWorkerGlobalScope;

const CACHE = `studio-${__BUILD__}`;
const FIRST: readonly string[] = __PRECACHE__;
const UNCHANGING = /\/(assets|wasm|samples)\//;

scope.addEventListener("install", (event) => {
  const work = async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(FIRST);
    await scope.skipWaiting();
  };
  event.waitUntil(work());
});

scope.addEventListener("activate", (event) => {
  const work = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith("studio-") && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await scope.clients.claim();
  };
  event.waitUntil(work());
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== scope.location.origin) return;
  if (!url.pathname.startsWith(new URL(scope.registration.scope).pathname)) return;
  event.respondWith(answer(request, url));
});

async function answer(request: Request, url: URL): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true, ignoreVary: true });
  if (kept && UNCHANGING.test(url.pathname)) return isolated(kept);
  try {
    const fresh = await fetch(request);
    if (fresh.ok) await cache.put(request, fresh.clone());
    return isolated(fresh);
  } catch (error) {
    if (kept) return isolated(kept);
    throw error;
  }
}

function isolated(response: Response): Response {
  if (response.status === 0 || response.type === "opaqueredirect") return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
