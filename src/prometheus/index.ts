/** Measures for Prometheus: as a page, and on a port of its own. */
export { pageOf, type PageMaker } from './page.ts'
export { serveMetrics, type MetricsServer } from './server.ts'
