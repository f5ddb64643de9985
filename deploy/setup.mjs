/**
 * From a fresh clone to something that runs: npm's packages, the build, then the native parts (src/setup), each only if
 * missing. `--quiet` says something only where something is done. Plain JavaScript without dependencies: it runs first.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from './build.mjs'
import { withCloneLock } from './lock.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const quiet = process.argv.includes('--quiet')
const say = (line) => console.log(`set-up: ${line}`)

process.exitCode = await setUp()

async function setUp() {
  const { engines } = readJson('package.json')
  if (!isIn(engines.node, process.versions.node)) {
    console.error(
      `set-up: this is Node ${process.versions.node}; maggy needs ${engines.node}. Install Node 20, 22, 24 or 26.`,
    )
    return 1
  }
  const packages = await withCloneLock(join(root, '.maggy', 'setup.lock'), installPackages, (pid) =>
    say(`waiting for another set-up (process ${pid})`),
  )
  if (packages === 'failed') return 1
  const built = await build(say)
  if (built === 'failed') return 1
  const { status } = spawnSync(process.execPath, [join(root, 'dist', 'src', 'setup', 'main.js')], { stdio: 'inherit' })
  // src/setup/main.ts: 0 nothing to do, 10 something was done.
  if (status !== 0 && status !== 10) return 1
  if (!quiet && status === 0 && packages === 'current' && built === 'current') say('everything is there')
  return 0
}

function installPackages() {
  if (packagesAreThere()) return 'current'
  say('packages: npm install …')
  const begun = performance.now()
  // Not `npm ci`: it refuses a lock that lacks the optional packages of platforms other than the one it was made on, which is
  // how npm leaves it where a registry has not all of them. Without saving, install takes the locked versions all the same.
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { status, error } = spawnSync('npm', args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) {
    console.error(
      `set-up: npm install failed${error === undefined ? '' : `: ${error.message}`}; npm's own words are above`,
    )
    return 'failed'
  }
  say(`packages: ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  return 'done'
}

/** npm writes what it installed as its last act. Optional packages of other platforms are in the lock only. */
function packagesAreThere() {
  if (!existsSync(join(root, 'node_modules', '.package-lock.json'))) return false
  const wanted = readJson('package-lock.json').packages
  const installed = readJson('node_modules/.package-lock.json').packages
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' ||
      (installed[path] === undefined ? optional === true : installed[path].version === version) ||
      wanted[path].link === true,
  )
}

/** Enough of semver for `engines`: `^a.b.c` and `>=a.b.c`, joined by `||`. */
function isIn(range, version) {
  const [major, minor, patch] = version.split('.').map(Number)
  return range.split('||').some((part) => {
    const [, operator, wantedMajor, wantedMinor, wantedPatch] = /(\^|>=)(\d+)\.(\d+)\.(\d+)/.exec(part) ?? []
    const late = major - wantedMajor || minor - wantedMinor || patch - wantedPatch
    return operator === '>=' ? late >= 0 : late >= 0 && major === Number(wantedMajor)
  })
}

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'))
}
