#!/usr/bin/env node
/** `maggy`. Some hundred files are loaded at once: where a process may not open so many, that is said here, in the words of the table. */

/** FILES_EXHAUSTED of protocol/error-table.ts, which cannot be loaded either; a test holds the two together. */
const failure = (reason: string) =>
  `error FILES_EXHAUSTED: this process may not open any more files: ${reason}\nremedy: raise the limit (\`ulimit -n 4096\`), or start fewer workers\n`

/** Fewer than this is too few to load what there is; the loader then does not find files that are there, too. */
const enough = 512

try {
  await import('./command-line.ts')
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException
  const { userLimits } = process.report.getReport() as unknown as {
    readonly userLimits?: { readonly open_files: { readonly soft: number | string } }
  }
  const limit = Number(userLimits?.open_files.soft ?? Infinity)
  if (code !== 'EMFILE' && code !== 'ENFILE' && !(limit < enough && code === 'ERR_MODULE_NOT_FOUND')) throw error
  process.stderr.write(failure(`it may have ${limit} open; ${message.split('\n')[0] ?? ''}`))
  process.exitCode = 1
}
