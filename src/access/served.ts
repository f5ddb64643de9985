/** The plug-ins that credentials are for. The server refuses the subjects of all others. */
import { problem } from '../../protocol/index.ts'
import type { Access } from './access.ts'

/** Of these plug-ins, those that may be served with what is shown. Throws IDENTITY_DIFFERS where there is none. */
export function servedWith<P extends { readonly name: string }>(
  { credentials }: Pick<Access, 'credentials'>,
  plugins: readonly P[],
): readonly P[] {
  if (credentials === undefined) return plugins
  const { file, role, name, serves } = credentials
  const found = plugins.filter((plugin) => serves.includes(plugin.name))
  if (found.length > 0) return found
  const names = plugins.map((plugin) => plugin.name)
  const wanted = names.length === 1 ? names[0] : 'built-in'
  throw problem('IDENTITY_DIFFERS', {
    file,
    reason: `they answer for ${serves.join(', ') || 'no name'}, and not for ${names.join(', ')}: maggy auth add-${role} ${name} --serves ${wanted}`,
  })
}
