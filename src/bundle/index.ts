/** Shipping code: bundling a module, caching and importing bundles. */
export { changedSince, sourcesIn, type SourceFile } from './sources.ts'
export { bundleModule, endBundler, type BundledModule } from './bundle.ts'
export { createBundleCache, defaultCacheFolder, makeCacheFolder, type BundleCache } from './cache.ts'
export { importBundle, loadExperiment } from './load.ts'
