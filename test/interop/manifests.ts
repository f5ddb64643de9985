/** Manifests, read with the schemas of those that take them. */
import { fileURLToPath } from 'node:url'
import type { Python } from '../support/python.ts'

/** A package with the schemas of many versions, of which one is read. */
export const kubernetesSchemas = 'kubernetes-validate==1.37.0'
const kubernetes = '1.34.0'

/** Of each manifest: `Kind/name`, and what is wrong with it. */
export async function faultsOf(python: Python, manifests: readonly object[]): Promise<[string, string[]][]> {
  const script = fileURLToPath(new URL('validate_manifests.py', import.meta.url))
  const said = await python.run([script, kubernetes], { input: JSON.stringify(manifests) })
  return JSON.parse(said) as [string, string[]][]
}
