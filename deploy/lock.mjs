/**
 * One set-up or build at a time in a clone. Plain JavaScript, since it runs before anything is compiled; what is compiled
 * uses src/setup/lock.ts. A lock whose holder has died is taken over.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export async function withCloneLock(path, work, onWait) {
  mkdirSync(dirname(path), { recursive: true })
  let told = false
  while (!take(path)) {
    const pid = holder(path)
    if (pid !== undefined && !isAlive(pid)) {
      takeAway(path, pid)
      continue
    }
    if (!told && pid !== undefined) onWait(pid)
    told = true
    await delay(200)
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

/** The file appears whole or not at all. */
function take(path) {
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, String(process.pid))
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

function holder(path) {
  try {
    return Number(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function isAlive(pid) {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Two may find the same dead holder: only one of them moves the file away, and puts it back if it is a live one's by then. */
function takeAway(path, pid) {
  const aside = `${path}.${process.pid}.aside`
  try {
    renameSync(path, aside)
    if (holder(aside) !== pid) linkSync(aside, path)
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error
  } finally {
    rmSync(aside, { force: true })
  }
}
