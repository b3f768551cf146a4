/** Put in by Vite: see vite.config.ts. */
declare const __LITERT_VERSION__: string;
declare const __BUILD__: string;
declare const __PRECACHE__: readonly string[];
declare const __STUDIO_VERSION__: string;
