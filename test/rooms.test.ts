/** The import law of the rooms, measured on the real imports: protocol <- src <- actors <- deploy, nothing points back. */
import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Import {
  readonly from: string
  /** A path from the root, or a package's name. */
  readonly to: string
  readonly isPackage: boolean
  readonly isType: boolean
}

const statement =
  /^(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm

function sourcesIn(room: string): string[] {
  return readdirSync(join(root, room), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.parentPath.includes('node_modules'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8').replaceAll(/^\s*(\/\/|\*).*$/gm, '')
  return [...text.matchAll(statement)].map(([, type, named, dynamic]) => {
    const specifier = named ?? dynamic ?? ''
    const isPackage = !specifier.startsWith('.')
    const to = isPackage ? packageOf(specifier) : relative(root, join(root, dirname(file), specifier))
    return { from: file, to, isPackage, isType: type !== undefined }
  })
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  if (builtinModules.includes(specifier)) return `node:${specifier}`
  const [scope = '', name = ''] = specifier.split('/')
  return scope.startsWith('@') ? `${scope}/${name}` : scope
}

const rooms = ['protocol', 'src', 'actors', 'deploy']
const imports = rooms.flatMap(sourcesIn).flatMap(importsOf)
const told = (offending: Import[]): string[] => offending.map(({ from, to }) => `${from} -> ${to}`)
const within = (path: string, folder: string): boolean => path.startsWith(`${folder}/`)
/** src/bus/x.ts -> src/bus; actors/driver/x.ts -> actors/driver; protocol/x.ts -> protocol */
const roomOf = (path: string): string => {
  const [top = '', second = ''] = path.split('/')
  return top === 'protocol' || !path.includes('/', top.length + 1) ? top : `${top}/${second}`
}

test('the imports are read at all', () => {
  expect(imports).toContainEqual(
    expect.objectContaining({ from: 'src/bus/index.ts', to: 'src/bus/bus.ts', isPackage: false }),
  )
  expect(imports).toContainEqual(expect.objectContaining({ from: 'src/bus/nats-client.ts', to: 'nats' }))
  expect(imports.some((one) => one.from.startsWith('actors/'))).toBe(true)
})

test('protocol imports msgpackr and typebox, and nothing above it', () => {
  const offending = imports.filter(({ from, to, isPackage }) => {
    if (!within(from, 'protocol')) return false
    if (from === 'protocol/generate.ts' && to.startsWith('node:')) return false
    return isPackage ? !['msgpackr', 'typebox'].includes(to) : !within(to, 'protocol')
  })
  expect(told(offending)).toEqual([])
})

test('src imports protocol and src', () => {
  const offending = imports.filter(
    ({ from, to, isPackage }) => within(from, 'src') && !isPackage && !within(to, 'src') && !within(to, 'protocol'),
  )
  expect(told(offending)).toEqual([])
})

test('actors import protocol, src and their own folder, never each other', () => {
  const offending = imports.filter(
    ({ from, to, isPackage }) =>
      within(from, 'actors') &&
      !isPackage &&
      !within(to, 'protocol') &&
      !within(to, 'src') &&
      !within(to, roomOf(from)),
  )
  expect(told(offending)).toEqual([])
})

/** The driver's rooms, and which of them each may know: the rooms of an experiment do not know each other. */
const driverRooms: Readonly<Record<string, readonly string[]>> = {
  fleet: [],
  ownership: ['experiment'],
  trials: ['fleet'],
  suggesting: [],
  pruning: [],
  rings: ['fleet'],
  experiment: ['fleet', 'trials', 'suggesting', 'pruning', 'rings'],
}
const driverRoomOf = (path: string): string | undefined => /^actors\/driver\/([^/]+)\//.exec(path)?.[1]

test('the driver is in rooms that are entered through their index, and know only those that they may', () => {
  const rooms = new Set(sourcesIn('actors/driver').flatMap((file) => driverRoomOf(file) ?? []))
  expect([...rooms].toSorted()).toEqual(Object.keys(driverRooms).toSorted())
  const offending = imports.filter(({ from, to }) => {
    const [here, there] = [driverRoomOf(from), driverRoomOf(to)]
    if (there === undefined || here === there) return false
    const isKnown = here === undefined || driverRooms[here]?.includes(there) === true
    return !isKnown || to !== `actors/driver/${there}/index.ts`
  })
  expect(told(offending)).toEqual([])
})

test('the rooms of an experiment take of the fleet its types only', () => {
  const offending = imports.filter(
    ({ from, to, isType }) =>
      ['trials', 'rings'].includes(driverRoomOf(from) ?? '') && driverRoomOf(to) === 'fleet' && !isType,
  )
  expect(told(offending)).toEqual([])
})

test('examples import what users can import: maggy and packages', () => {
  const offending = imports.filter(
    ({ from, to, isPackage }) => within(from, 'deploy/examples') && !isPackage && !within(to, 'deploy/examples'),
  )
  expect(told(offending)).toEqual([])
})

test('nobody in protocol, src or actors imports a test', () => {
  expect(told(imports.filter(({ to, isPackage }) => !isPackage && within(to, 'test')))).toEqual([])
})

test('a room is entered through its index', () => {
  const offending = imports.filter(({ from, to, isPackage }) => {
    if (isPackage || within(from, 'deploy')) return false
    const [here, there] = [roomOf(from), roomOf(to)]
    return here !== there && to !== `${there}/index.ts` && there !== 'src'
  })
  expect(told(offending)).toEqual([])
})

test('nats is imported in one file only', () => {
  const importing = new Set(imports.filter(({ to }) => to === 'nats').map(({ from }) => from))
  expect([...importing]).toEqual(['src/bus/nats-client.ts'])
})

test('tfjs is imported under src/train only, and by examples', () => {
  const offending = imports.filter(
    ({ from, to }) => to.startsWith('@tensorflow/') && !within(from, 'src/train') && !within(from, 'deploy'),
  )
  expect(told(offending)).toEqual([])
})

test('pure rooms import no clock, socket or file: nothing from node, no actor, no bus', () => {
  const pure = [
    'space',
    'random',
    'pareto',
    'samplers',
    'schedulers',
    'pruners',
    'importance',
    'statistics',
    'machine',
    'history',
  ].map((room) => `src/${room}`)
  const offending = imports.filter(
    ({ from, to, isPackage }) =>
      pure.some((room) => within(from, room)) &&
      (isPackage ? to.startsWith('node:') : !within(to, 'protocol') && !pure.some((room) => within(to, room))),
  )
  expect(told(offending)).toEqual([])
})

test('no file imports itself by way of others, neither at once nor later by import()', () => {
  // The package's own name is its index.
  const target = ({ to, isPackage }: Import) => (isPackage && to === 'maggy' ? 'src/index.ts' : to)
  const next = new Map<string, string[]>()
  for (const one of imports) {
    if (one.isType || within(one.from, 'deploy')) continue
    if (!one.isPackage || one.to === 'maggy') next.set(one.from, [...(next.get(one.from) ?? []), target(one)])
  }
  const circles: string[] = []
  const seen = new Set<string>()
  const follow = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file)
    if (at >= 0) circles.push([...path.slice(at), file].join(' -> '))
    if (at >= 0 || seen.has(file)) return
    for (const to of next.get(file) ?? []) follow(to, [...path, file])
    seen.add(file)
  }
  for (const file of next.keys()) follow(file, [])
  expect(circles).toEqual([])
})

test('an index names what it exports', () => {
  const stars = [...rooms]
    .flatMap(sourcesIn)
    .filter((file) => /^export \*/m.test(readFileSync(join(root, file), 'utf8')))
  expect(stars).toEqual([])
})
